use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

/// How long anything may take before a test gives up: far longer than it ever does.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for the next message.
pub(crate) async fn next<T>(messages: &mut UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, messages.recv()).await.expect("gave up waiting for a message").expect("a sender")
}
