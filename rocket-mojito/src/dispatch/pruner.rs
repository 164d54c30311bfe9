use std::time::Duration;

use tokio::sync::watch;

use super::supervisor::Service;
use crate::config::Retention;
use crate::notices::{Notice, Notices};
use crate::operation::{Actor, Pruned};
use crate::store::{OperationTasks, Unavailable};

/// The interval between two prunings.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// The pause after a first pass that failed.
const MIN_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// The pause after many such passes.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Removes rows and bodies that are older than their retention, at intervals.
pub(crate) struct Pruner {
    pub operations: OperationTasks,
    pub retention: Retention,
    pub notices: Notices,
}

impl Service for Pruner {
    const NAME: &'static str = "pruner";

    fn notices(&self) -> &Notices {
        &self.notices
    }

    async fn run(&self, stop: watch::Receiver<bool>) {
        repeat(stop, || self.pass()).await;
    }
}

impl Pruner {
    /// The store logs a failure.
    async fn pass(&self) -> Result<(), Unavailable> {
        let (retention, actor) = (self.retention, Actor::new("rocket-mojito"));
        let pruned = self.operations.run(async move |operations| operations.prune_on(retention, actor).await).await?;
        let Pruned { bodies, deliveries, work } = pruned;
        if bodies + deliveries + work > 0 {
            self.notices.say(Notice::Pruned { bodies, deliveries, work });
        }
        Ok(())
    }
}

/// Makes a pass each hour until `stop` is set, and sooner after a failure: a process may live for less than an hour.
async fn repeat<F>(mut stop: watch::Receiver<bool>, pass: impl Fn() -> F)
where
    F: Future<Output = Result<(), Unavailable>>,
{
    let mut retry = MIN_RETRY_INTERVAL;
    while !*stop.borrow_and_update() {
        let pause = match pass().await {
            Ok(()) => PRUNE_INTERVAL,
            Err(_) => retry,
        };
        retry = if pause == PRUNE_INTERVAL { MIN_RETRY_INTERVAL } else { (retry * 2).min(MAX_RETRY_INTERVAL) };
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::*;

    /// When passes begin whose outcomes are these, in seconds after the first.
    async fn passes(outcomes: &[Result<(), Unavailable>]) -> Vec<u64> {
        let (stop, stopped) = watch::channel(false);
        let (began, seconds) = (Instant::now(), Mutex::new(Vec::new()));

        repeat(stopped, || async {
            let mut seconds = seconds.lock().unwrap();
            seconds.push(began.elapsed().as_secs());
            if seconds.len() == outcomes.len() {
                stop.send_replace(true);
            }
            outcomes[seconds.len() - 1]
        })
        .await;

        seconds.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_is_made_each_hour() {
        assert_eq!(passes(&[Ok(()); 3]).await, [0, 3600, 7200]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_failed_is_made_again_soon_and_then_less_often() {
        let failed = Err(Unavailable::Database);

        let passes = passes(&[failed, failed, failed, failed, failed, Ok(()), failed, Ok(())]).await;

        assert_eq!(passes, [0, 10, 30, 70, 130, 190, 3790, 3800]);
    }
}
