use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

/// How long a task that panicked rests before it is started again.
const REST: Duration = Duration::from_millis(500);

/// Runs a task until it ends by itself. One that panics is started again: a defect of ours must not stop the work.
pub(super) async fn supervise<F: Future<Output = ()>>(
    what: &'static str,
    mut stop: watch::Receiver<bool>,
    run: impl Fn() -> F,
) {
    while AssertUnwindSafe(run()).catch_unwind().await.is_err() {
        tracing::error!(what, "a task panicked and is started again");
        tokio::select! {
            _ = stop.wait_for(|is_stopping| *is_stopping) => return,
            () = tokio::time::sleep(REST) => {}
        }
    }
}
