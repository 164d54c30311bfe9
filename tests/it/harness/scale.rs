use std::time::SystemTime;

/// Names the size of tests.
pub(crate) const SCALE: &str = "MOJITO_TEST_SCALE";

/// How many rounds a test takes: `small` in `tests/run`, `full` with `MOJITO_TEST_SCALE=full`.
pub(crate) fn rounds(small: u32, full: u32) -> u32 {
    if is_full() { full } else { small }
}

/// Whether the tests are run at their full size.
pub(crate) fn is_full() -> bool {
    std::env::var(SCALE).is_ok_and(|scale| scale == "full")
}

/// The seed of a randomised test, from `MOJITO_TEST_SEED` or the clock. It is printed, so that a failure can be repeated.
#[expect(clippy::print_stdout, reason = "whoever repeats a failure needs it")]
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MOJITO_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos()) << 20 ^ now.as_secs()
    });
    println!("MOJITO_TEST_SEED={seed}");
    seed
}
