use std::time::Duration;

use futures_util::future::Aborted;
use mojito_schema::Ticket;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::attempt;
use super::ending::Ending;
use super::leases::{InFlight, InFlightGuard};
use super::slots::Slot;
use crate::notices::{Notice, Notices};

/// The time for an attempt to end after its time-out before the log names it.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// The lease and slot of an attempt that is not settled.
type Kept = (InFlightGuard, Slot);

/// An attempt on the handlers' runtime. Rocket's runtime awaits it, so that no handler can hold up its time-out.
pub(super) struct Running {
    pub ticket: Ticket,
    /// The number of the attempt.
    pub number: i32,
    pub timeout: Duration,
    pub in_flight: InFlight,
    pub notices: Notices,
    /// Returns `None` if there is nothing to settle.
    pub task: JoinHandle<Option<(Result<Ending, Aborted>, Kept)>>,
}

impl Running {
    /// Waits until the attempt has ended, and stops it at its time-out. Returns the ending to be settled, and the lease
    /// and slot to hold until then.
    ///
    /// A handler that blocks its thread cannot be stopped before it yields. Until then it keeps its lease and its slot,
    /// or another attempt would run beside it.
    pub async fn ended(self) -> Option<(Ending, Kept)> {
        let stop = || {
            self.in_flight.abort(&self.ticket);
        };
        let overtime = || {
            let (handler, delivery) = (self.ticket.handler.clone(), self.ticket.delivery_id);
            self.notices.say(Notice::Overtime { handler, delivery });
        };
        let (is_late, ended) = ended_in_time(self.task, self.timeout, stop, overtime).await;
        // The cause is a defect of ours, or the end of the runtime: the lease lapses.
        let (ended, kept) = ended.ok().flatten()?;
        let ending = match ended {
            Ok(ending) => ending,
            Err(Aborted) if is_late => attempt::timed_out(self.timeout, self.number),
            Err(Aborted) => attempt::not_possible(),
        };
        Some((ending, kept))
    }
}

/// Waits until the run of a handler has ended, and stops it at its time-out. Returns whether that was over, too. A
/// handler that blocks its thread is named in the log, and waited for.
pub(super) async fn ended_in_time<R>(
    mut run: JoinHandle<R>,
    limit: Duration,
    stop: impl FnOnce(),
    overtime: impl FnOnce(),
) -> (bool, Result<R, JoinError>) {
    if let Ok(ended) = timeout(limit, &mut run).await {
        return (false, ended);
    }
    stop();
    match timeout(ABORT_TIMEOUT, &mut run).await {
        Ok(ended) => (true, ended),
        Err(_) => {
            overtime();
            (true, run.await)
        }
    }
}
