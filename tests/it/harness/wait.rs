use std::fmt::Debug;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use super::TestDatabase;

/// How long anything may take before a test gives up: far longer than it ever does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until `look` finds something.
pub(crate) async fn found<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    eventually(what, || {
        found = look();
        found.is_some()
    })
    .await;
    found.expect("it was found")
}

/// Waits until `look` answers `Ok`. Where the test gives up, it shows the last `Err`.
pub(crate) async fn until<T, S: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, S>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(began.elapsed() < PATIENCE, "gave up waiting until {what}: {seen:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until no work is left to do, as long as there is less and less.
pub(crate) async fn drained(database: &impl TestDatabase) {
    drained_by(async |query| database.query(&query).await).await;
}

/// The same for a database that answers queries in another way.
pub(super) async fn drained_by(mut query: impl AsyncFnMut(String) -> Vec<String>) {
    const OPEN: &str = "FROM mojito_work WHERE finished_at IS NULL";
    let (mut least, mut since) = (usize::MAX, Instant::now());
    while least > 0 {
        let open = query(format!("SELECT CAST(count(*) AS TEXT) AS value {OPEN}")).await[0].parse().unwrap();
        if open < least {
            (least, since) = (open, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            let row = "CAST(delivery_id AS TEXT) || ' for ' || handler || ' is ' || state AS value";
            let first = query(format!("SELECT {row} {OPEN} ORDER BY delivery_id LIMIT 10")).await;
            panic!("{open} pieces of work are never done: {first:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for a future, and fails where it takes too long.
pub(crate) async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("the future ends in time")
}

/// Waits for the next message.
pub(crate) async fn next<T>(messages: &mut UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, messages.recv()).await.expect("gave up waiting for a message").expect("a sender")
}
