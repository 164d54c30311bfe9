//! The numbers of the documents are those of the code.

use crate::checkout::Checkout;

const ARCHITECTURE: &str = "rocket-mojito/ARCHITECTURE.md";
const FAILURES: &str = "rocket-mojito/guide/failures.md";
const GATEWAYS: &str = "rocket-mojito/guide/gateways.md";
const PROXY: &str = "rocket-mojito/guide/proxy.md";
const RETENTION: &str = "rocket-mojito/guide/retention.md";
const SETTINGS: &str = "rocket-mojito/guide/settings.md";

/// Words of a document with one number, and the constant that the number is.
const NUMBERS: [(&str, &str, &str, &str); 20] = [
    (ARCHITECTURE, "a batch of up to 256 deliveries", "rocket-mojito/src/store/batch_queue.rs", "MAX_BATCH_SIZE"),
    (ARCHITECTURE, "the batch waits for 20 ms at most", "rocket-mojito/src/store/batch_queue.rs", "GATHER_TIMEOUT"),
    (ARCHITECTURE, "a verb is waited for 20 s", "diesel-schema/src/engine/postgres/mod.rs", "SILENCE_TIMEOUT"),
    (ARCHITECTURE, "after 5 s of rest", "diesel-schema/src/engine/postgres/opening.rs", "PING_INTERVAL"),
    (ARCHITECTURE, "up after 500 ms", "diesel-schema/src/engine/postgres/record.rs", "LOCK_TIMEOUT"),
    (ARCHITECTURE, "waits for 200 ms at a time", "diesel-schema/src/engine/postgres/handlers.rs", "TABLE_LOCK_TIMEOUT"),
    (ARCHITECTURE, "after 10,000 rows", "diesel-schema/src/engine/shared/select.rs", "MAX_ROWS_READ"),
    (ARCHITECTURE, "hangs for 5 s", "rocket-mojito/src/dispatch/discarded.rs", "HOOK_TIMEOUT"),
    (ARCHITECTURE, "every body, 4 MiB at a time", "rocket-mojito/src/store/erasure.rs", "MAX_STEP_BYTES"),
    (
        ARCHITECTURE,
        "a file of up to 64 MiB is rewritten",
        "diesel-schema/src/engine/sqlite/scrub.rs",
        "MAX_VACUUM_BYTES",
    ),
    (FAILURES, "The pauses begin at 30 s", "rocket-mojito/src/dispatch/backoff.rs", "BASE_DELAY"),
    (FAILURES, "double up to 4 hours", "rocket-mojito/src/dispatch/backoff.rs", "MAX_DELAY"),
    (FAILURES, "more than 1,000 keys", "rocket-mojito/src/event/object.rs", "MAX_MEMBERS"),
    (FAILURES, "or 64 levels", "rocket-mojito/src/event/body.rs", "MAX_DEPTH"),
    (RETENTION, "could not forget them within 5 s", "rocket-mojito/src/store/erasure.rs", "HOOK_TIMEOUT"),
    (GATEWAYS, "A signed time may be 300 seconds off", "rocket-mojito/src/ingress/signature/timestamp.rs", "TOLERANCE"),
    (GATEWAYS, "bodies up to 16 KiB pass", "rocket-mojito/src/ingress/room.rs", "MAX_SMALL_BODY"),
    (GATEWAYS, "Bodies up to 64 KiB", "rocket-mojito/src/ingress/room.rs", "MAX_MEDIUM_BODY"),
    (SETTINGS, "At least 24 visible ASCII", "rocket-mojito/src/config/credential.rs", "MIN_SECRET_LENGTH"),
    (PROXY, "the first 14 bytes of a body", "rocket-mojito/src/ingress/body.rs", "ROCKETS_OWN"),
];

/// The number in these words. Times are in milliseconds, sizes in bytes.
fn number_in(words: &str) -> u64 {
    let mut words = words.split(' ').skip_while(|word| !word.starts_with(|letter: char| letter.is_ascii_digit()));
    let number: u64 = words.next().unwrap().replace(',', "").parse().unwrap();
    number * words.next().map_or(1, unit)
}

fn unit(word: &str) -> u64 {
    match word {
        "s" => 1_000,
        "hours" => 3_600_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => 1,
    }
}

/// The value of a constant, likewise.
fn value_of(file: &str, constant: &str) -> u64 {
    let source = Checkout::read(file);
    let declared = source.lines().find(|line| line.contains(&format!("const {constant}: "))).unwrap();
    let value = declared.split_once(" = ").unwrap().1.trim_end_matches(';').replace('_', "");
    let product = |text: &str| text.split(" * ").map(|factor| factor.parse::<u64>().unwrap()).product::<u64>();
    let inner = |start: &str| value.strip_prefix(start).and_then(|rest| rest.strip_suffix(')')).map(product);
    if let Some((number, shift)) = value.split_once(" << ") {
        return product(number) << product(shift);
    }
    inner("Duration::fromsecs(")
        .map(|seconds| seconds * 1_000)
        .or_else(|| inner("Duration::frommillis("))
        .unwrap_or_else(|| product(&value))
}

#[test]
fn numbers_in_the_documents_are_those_of_the_code() {
    for (document, words, file, constant) in NUMBERS {
        let text = Checkout::read(document).split_whitespace().collect::<Vec<_>>().join(" ");

        assert!(text.contains(words), "{document}: {words}");
        assert_eq!(number_in(words), value_of(file, constant), "{words}: {constant}");
    }
}
