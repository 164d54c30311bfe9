use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use mojito_schema::failpoint;
use tokio::sync::watch;
use tokio::time::Instant;

use super::prefetch::Prefetch;
use super::slots::{Slot, Slots};

/// The work of one handler, as the claim loop needs it.
pub(super) trait Work: Sync {
    /// A claimed piece of work.
    type Claim: Send;

    fn is_paused(&self) -> bool;

    /// Claims up to `limit` deliveries, of which `free` start at once. Returns also whether there may be more.
    fn claim(&self, limit: usize, free: usize) -> impl Future<Output = (Vec<Self::Claim>, bool)> + Send;

    /// Starts an attempt, which keeps its slot until it ends.
    fn start(&self, claim: Self::Claim, slot: Slot);

    /// Hands claims back: no attempt was made, and none counts.
    fn release(&self, claims: Vec<Self::Claim>) -> impl Future<Output = ()> + Send;

    /// Sleeps; without an end, for ever.
    fn rest(&self, until: Option<Instant>) -> impl Future<Output = ()> + Send;
}

/// Claims work as slots become free, and starts it.
///
/// `tests/models` runs it under each order of its steps, without a poll: no wake-up may be lost.
pub(super) struct ClaimLoop<'w, W> {
    pub work: &'w W,
    pub slots: &'w Slots,
    /// The longest sleep without a wake-up.
    pub poll_interval: Duration,
}

impl<W: Work> ClaimLoop<'_, W> {
    /// Claims and starts work until `stop` is set. Running attempts go on.
    ///
    /// Claimed work is started while the next claim is made.
    pub async fn run(&self, mut recorded: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
        let mut prefetch = Prefetch::new();
        let mut claiming = pin!(Fuse::terminated());
        // Whether there may be work that the last claim has not seen.
        let mut is_due = true;
        while !*stop.borrow_and_update() {
            failpoint::reach("executor.loop");
            let is_paused = self.work.is_paused();
            if prefetch.is_overdue() || is_paused {
                self.release(&mut prefetch, claiming.as_mut()).await;
            }
            self.start_waiting(&mut prefetch);
            let wanted = prefetch.wanted(self.slots.free());
            if is_due && !is_paused && wanted > 0 && claiming.is_terminated() {
                // Marked as seen before the claim, so that work recorded from here on triggers another claim.
                recorded.borrow_and_update();
                is_due = false;
                claiming.set(self.work.claim(wanted, self.slots.free()).fuse());
            }
            tokio::select! {
                _ = stop.changed() => {}
                (claims, is_cut) = &mut claiming => {
                    is_due |= is_cut;
                    prefetch.add(claims, is_cut);
                }
                () = self.slots.ended() => {
                    prefetch.ended();
                    is_due = true;
                }
                _ = recorded.changed() => is_due = true,
                () = self.work.rest(prefetch.overdue_at()) => {}
                () = self.work.rest(Instant::now().checked_add(self.poll_interval)) => is_due = true,
            }
        }
        self.release(&mut prefetch, claiming).await;
    }

    /// Starts waiting claims, as far as there are free slots.
    fn start_waiting(&self, prefetch: &mut Prefetch<W::Claim>) {
        while self.slots.free() > 0
            && let Some(waiting) = prefetch.next()
        {
            self.work.start(waiting, self.slots.take());
        }
    }

    /// Hands back waiting claims, and the claim in progress.
    async fn release(
        &self,
        prefetch: &mut Prefetch<W::Claim>,
        mut claiming: Pin<&mut Fuse<impl Future<Output = (Vec<W::Claim>, bool)>>>,
    ) {
        // The claim in progress comes first: its turn to write has already begun.
        if !claiming.is_terminated() {
            let (claims, is_cut) = claiming.as_mut().await;
            prefetch.add(claims, is_cut);
        }
        self.work.release(prefetch.give_up().collect()).await;
    }
}
