use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

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

/// Waits for the next message.
pub(crate) async fn next<T>(messages: &mut UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, messages.recv()).await.expect("gave up waiting for a message").expect("a sender")
}
