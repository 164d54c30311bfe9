use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, Utc, failpoint};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::executor::Desk;
use crate::notices::Notice;
use crate::store::{Committed, Link, Signal};

/// The longest pause between two looks at the leases: what a dead process held is found within seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A sweep may take this part of the time, and no more: with a hundred thousand that wait in lines it reads all of them.
const SWEEP_SHARE: u32 = 20;

/// Renews the leases that this process holds, and rescues the lapsed ones, whose ever they were. Sweeps the lines: one that has
/// no first is never claimed from. Cuts leases and pauses that were set while the clock was ahead.
pub(super) struct Keeper<B: Backend> {
    pub desk: Desk<B>,
    /// For the sweep: what it reads holds up nobody else.
    pub reader: Mutex<Link<B>>,
    pub lease: Duration,
    pub signal: Signal,
}

impl<B: Backend> Keeper<B> {
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let pause = (self.lease / 3).min(LONGEST_PAUSE);
        let mut next_sweep = Instant::now();
        while !*stop.borrow_and_update() {
            failpoint::reach("keeper.loop");
            self.look().await;
            if Instant::now() >= next_sweep {
                let began = Instant::now();
                self.sweep().await;
                self.cut_waits().await;
                next_sweep = began + SWEEP_SHARE * began.elapsed();
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look(&self) {
        let (held, lease) = (self.desk.held.tickets(), self.lease);
        let mut link = self.desk.link.lock().await;
        let rescue = link
            .commit("leases could not be renewed", |c| B::renew_and_rescue(c, held, lease, Utc::now()).boxed())
            .await;
        drop(link);
        let Ok(rescue) = rescue.map(Committed::outcome) else { return };
        for ticket in &rescue.stale {
            self.desk.held.abort(ticket);
        }
        if rescue.rescued + rescue.discarded > 0 {
            let notices = self.desk.database.notices();
            if rescue.rescued > 0 {
                notices.say(Notice::Rescued { count: rescue.rescued as u64 });
            }
            if rescue.discarded > 0 {
                notices.say(Notice::DiscardedUnfinished { count: rescue.discarded as u64 });
            }
            self.signal.notify();
        }
        if rescue.discarded > 0 {
            self.desk.given_up.notify();
        }
    }

    /// Promotes in lines that have no first.
    async fn sweep(&self) {
        const FAILURE: &str = "the lines could not be swept";
        let found = self.reader.lock().await.read(FAILURE, |c| B::lines_without_first(c).boxed()).await;
        let Ok(lines) = found else { return };
        if lines.is_empty() {
            return;
        }
        let mut link = self.desk.link.lock().await;
        let promoted = link.commit(FAILURE, |c| B::promote(c, lines).boxed()).await.map(Committed::outcome);
        drop(link);
        if let Ok(count @ 1..) = promoted {
            self.desk.database.notices().say(Notice::Promoted { count });
            self.signal.notify();
        }
    }

    /// Cuts the leases and pauses that would last until a clock that was put back is there again.
    async fn cut_waits(&self) {
        const FAILURE: &str = "leases and pauses could not be compared with the clock";
        let found = self.reader.lock().await.read(FAILURE, |c| B::overlong_waits(c, Utc::now()).boxed()).await;
        let Ok(waits) = found else { return };
        if waits.is_empty() {
            return;
        }
        let mut link = self.desk.link.lock().await;
        let cut = link.commit(FAILURE, |c| B::cut_waits(c, waits, Utc::now()).boxed()).await.map(Committed::outcome);
        drop(link);
        if let Ok(cut @ 1..) = cut {
            self.desk.database.notices().say(Notice::Cut { count: cut });
            self.signal.notify();
        }
    }
}
