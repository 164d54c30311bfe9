use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use crate::notices::{Notice, Notices};

/// The pause before a task that panicked is started again.
const RESTART_INTERVAL: Duration = Duration::from_millis(500);

/// A background task.
pub(super) trait Service: Send + Sync + 'static {
    /// The task's name in the log.
    const NAME: &'static str;

    /// The log that a panic of the task is reported to.
    fn notices(&self) -> &Notices;

    /// Runs until `stop` is set.
    fn run(&self, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send;
}

/// Runs a service until `stop` is set.
pub(super) async fn serve<S: Service>(service: S, stop: watch::Receiver<bool>) {
    supervise(S::NAME, service.notices(), stop.clone(), || service.run(stop.clone())).await;
}

/// Runs a task until it returns. A task that panics is started again: a defect of ours must not stop the work.
async fn supervise<F: Future<Output = ()>>(
    task: &'static str,
    notices: &Notices,
    mut stop: watch::Receiver<bool>,
    run: impl Fn() -> F,
) {
    while AssertUnwindSafe(run()).catch_unwind().await.is_err() {
        notices.say(Notice::TaskPanicked { task });
        tokio::select! {
            _ = stop.wait_for(|is_stopping| *is_stopping) => return,
            () = tokio::time::sleep(RESTART_INTERVAL) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_until_it_ends_by_itself() {
        let (_stop, stopped) = watch::channel(false);
        let runs = AtomicUsize::new(0);

        supervise("test", &Notices::start().unwrap(), stopped, || async {
            assert!(runs.fetch_add(1, Ordering::SeqCst) >= 2, "a defect");
        })
        .await;

        assert_eq!(runs.into_inner(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_not_started_again_while_all_stops() {
        let (stop, stopped) = watch::channel(false);
        let runs = AtomicUsize::new(0);

        supervise("test", &Notices::start().unwrap(), stopped, || async {
            runs.fetch_add(1, Ordering::SeqCst);
            stop.send_replace(true);
            panic!("a defect");
        })
        .await;

        assert_eq!(runs.into_inner(), 1);
    }
}
