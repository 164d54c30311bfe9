use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Aborted;
use mojito_schema::Settlement;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::attempt;
use super::held::Hold;

/// How long an attempt may take to end after its time-out before it is named.
const PATIENCE: Duration = Duration::from_secs(1);

/// An attempt on the handlers' runtime. It is waited for on Rocket's, where no handler can hold up its time-out.
pub(super) struct Running {
    pub handler: Arc<str>,
    pub delivery_id: i64,
    /// Which attempt it is.
    pub number: i32,
    pub timeout: Duration,
    pub task: JoinHandle<Result<Option<Settlement>, Aborted>>,
}

impl Running {
    /// Waits until it has ended, and stops it at its time-out. What is still to be settled.
    ///
    /// A handler that blocks its thread cannot be stopped before it yields: for so long it keeps its lease and its slot,
    /// or another attempt would run beside it.
    pub async fn ended(mut self, hold: &Hold) -> Option<Settlement> {
        let (mut is_late, mut ended) = (false, timeout(self.timeout, &mut self.task).await);
        if ended.is_err() {
            hold.abort();
            is_late = true;
            ended = timeout(PATIENCE, &mut self.task).await;
        }
        let ended = match ended {
            Ok(ended) => ended,
            Err(_) => {
                let (handler, delivery) = (&*self.handler, self.delivery_id);
                tracing::warn!(
                    handler,
                    delivery,
                    "an attempt goes on after its time-out: its handler blocks a thread, or cannot be rolled back; \
                     it keeps its lease and its slot until it ends"
                );
                self.task.await
            }
        };
        match ended {
            Ok(Ok(settlement)) => settlement,
            Ok(Err(Aborted)) if is_late => Some(attempt::timed_out(self.timeout, self.number)),
            Ok(Err(Aborted)) => Some(Settlement::Release),
            // A defect of ours, or the end of the runtime: the lease lapses.
            Err(_) => None,
        }
    }
}
