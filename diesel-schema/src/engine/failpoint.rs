/// A place where a test may kill the process: `MOJITO_FAILPOINT=name:n` aborts when `name` is reached for the n-th
/// time.
///
/// Without the feature `testing` the call does nothing.
#[cfg(feature = "testing")]
pub fn reach(point: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);

    let armed = ARMED.get_or_init(|| {
        let setting = std::env::var("MOJITO_FAILPOINT").ok()?;
        let (name, times) = setting.split_once(':')?;
        Some((name.to_owned(), times.parse().ok()?))
    });
    if let Some((name, times)) = armed
        && name == point
        && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *times
    {
        std::process::abort();
    }
}

/// A place where a test may kill the process. Without the feature `testing` the call does nothing.
#[cfg(not(feature = "testing"))]
#[inline(always)]
pub fn reach(_point: &str) {}
