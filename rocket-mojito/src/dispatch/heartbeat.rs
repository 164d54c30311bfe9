use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, Timestamp, failpoint};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::leases::Leases;
use super::supervisor::Service;
use crate::notices::{Notice, Notices};
use crate::store::{Committed, DedicatedConnection, OperationTasks, Pauses, Wakeup};

/// The longest pause between two renewals, so that the leases of a dead process are found within seconds.
const MAX_RENEWAL_INTERVAL: Duration = Duration::from_secs(1);

/// The interval between two looks at the pauses, which have to hold in every process within two seconds.
const PAUSES_INTERVAL: Duration = Duration::from_secs(1);

/// A sweep takes at most one part in so many of the time, since it reads every line: a hundred thousand lines may wait.
const SWEEP_REST_FACTOR: u32 = 20;

/// Renews the leases that this process holds, and rescues lapsed leases of any process. Sweeps the lines, since a line
/// without a first is never claimed from. Cuts leases and pauses that were set while the clock was ahead. Follows what
/// operators pause in other processes, and takes over their actions whose processes died.
pub(super) struct Heartbeat<B: Backend> {
    pub leases: Leases<B>,
    /// The sweep's own connection, so that its reads hold up no other statement.
    pub reader: Mutex<DedicatedConnection<B>>,
    pub lease: Duration,
    pub pauses: Pauses,
    pub operations: OperationTasks,
    pub wakeup: Wakeup,
}

impl<B: Backend> Service for Heartbeat<B> {
    const NAME: &'static str = "heartbeat";

    fn notices(&self) -> &Notices {
        self.leases.database.notices()
    }

    async fn run(&self, stop: watch::Receiver<bool>) {
        // A renewal may wait for its turn to write, and a pause must not.
        tokio::join!(self.beat(stop.clone()), self.follow(stop));
    }
}

impl<B: Backend> Heartbeat<B> {
    async fn beat(&self, mut stop: watch::Receiver<bool>) {
        let pause = (self.lease / 3).min(MAX_RENEWAL_INTERVAL);
        let mut next_sweep = Instant::now();
        while !*stop.borrow_and_update() {
            failpoint::reach("heartbeat.loop");
            self.look().await;
            if Instant::now() >= next_sweep {
                let began = Instant::now();
                self.sweep().await;
                self.cut_waits().await;
                next_sweep = began + SWEEP_REST_FACTOR * began.elapsed();
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Follows the pauses of operators in other processes, and their actions.
    async fn follow(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow_and_update() {
            let read =
                async { self.reader.lock().await.read("the pauses could not be read", |c| B::paused(c).boxed()).await };
            // Where the database does not answer, the last known pauses stand.
            if self.pauses.refresh(read).await == Ok(true) {
                self.wakeup.notify();
            }
            self.take_over().await;
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(PAUSES_INTERVAL) => {}
            }
        }
    }

    /// Takes over an action of an operator whose process died. The action has a task of its own.
    async fn take_over(&self) {
        const FAILURE: &str = "the operators' actions could not be read";
        let lapsed = self.reader.lock().await.read(FAILURE, |c| B::has_lapsed(c, Timestamp::now()).boxed()).await;
        if lapsed == Ok(true) {
            self.operations.take_over();
        }
    }

    async fn look(&self) {
        let Some(rescue) = self.leases.renew_and_rescue(self.lease).await else { return };
        for ticket in &rescue.stale {
            self.leases.in_flight.abort(ticket);
        }
        if rescue.rescued + rescue.discarded + rescue.skipped > 0 {
            let notices = self.leases.database.notices();
            if rescue.rescued > 0 {
                notices.say(Notice::Rescued { count: rescue.rescued as u64 });
            }
            if rescue.discarded > 0 {
                notices.say(Notice::DiscardedUnfinished { count: rescue.discarded as u64 });
            }
            self.wakeup.notify();
        }
        if rescue.discarded > 0 {
            self.leases.given_up.notify();
        }
    }

    /// Promotes a delivery in each line that has no first.
    async fn sweep(&self) {
        const FAILURE: &str = "the lines could not be swept";
        let found = self.reader.lock().await.read(FAILURE, |c| B::lines_without_first(c).boxed()).await;
        let Ok(lines) = found else { return };
        if lines.is_empty() {
            return;
        }
        let mut dedicated = self.leases.dedicated.lock().await;
        let promoted = dedicated.commit(FAILURE, |c| B::promote(c, lines).boxed()).await.map(Committed::outcome);
        drop(dedicated);
        if let Ok(count @ 1..) = promoted {
            self.leases.database.notices().say(Notice::Promoted { count });
            self.wakeup.notify();
        }
    }

    /// Cuts the leases and pauses that would last until a clock that was put back reaches its former time.
    async fn cut_waits(&self) {
        const FAILURE: &str = "leases and pauses could not be compared with the clock";
        let found = self.reader.lock().await.read(FAILURE, |c| B::overlong_waits(c, Timestamp::now()).boxed()).await;
        let Ok(waits) = found else { return };
        if waits.is_empty() {
            return;
        }
        let mut dedicated = self.leases.dedicated.lock().await;
        let cut = dedicated
            .commit(FAILURE, |c| B::cut_waits(c, waits, Timestamp::now()).boxed())
            .await
            .map(Committed::outcome);
        drop(dedicated);
        if let Ok(cut @ 1..) = cut {
            self.leases.database.notices().say(Notice::Cut { count: cut });
            self.wakeup.notify();
        }
    }
}
