use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use mojito_schema::{Backend, ClaimRequest, Settlement, State, failpoint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::MojitoHandler;
use super::attempt::Attempt;
use super::ending::Tried;
use super::leases::{Leased, Leases};
use super::prefetch::Prefetch;
use super::running::Running;
use super::supervisor::Service;
use crate::notices::Notices;
use crate::store::{Pauses, Wakeup};

/// Runs the work of one handler: as many attempts at once as it has slots, in the order of each result's line.
///
/// It is a task of the handlers' runtime, so that the next attempt begins on the thread on which the last one ended. It
/// spawns claims, settlements and time-outs on Rocket's runtime, where they do not wait for a handler.
pub(super) struct Executor<B: Backend> {
    pub handler: Arc<dyn MojitoHandler<B>>,
    pub name: Arc<str>,
    pub timeout: Duration,
    pub lease: Duration,
    /// The longest sleep without a wake-up. Polling then finds retries that are due, and work that other processes
    /// recorded.
    pub poll_interval: Duration,
    pub slots: Slots,
    pub leases: Leases<B>,
    pub pauses: Pauses,
    pub wakeup: Wakeup,
}

/// The limit of concurrent attempts, and a notification for each attempt that ends.
#[derive(Clone)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    count: u32,
    ended: Arc<Notify>,
}

impl Slots {
    pub fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(count as usize)), count, ended: Arc::default() }
    }

    /// Waits until no attempt runs.
    pub async fn all_ended(&self) {
        let _all = self.free.acquire_many(self.count).await;
    }

    fn take(&self) -> Slot {
        let permit = Arc::clone(&self.free).try_acquire_owned().expect("no more were claimed than are free");
        Slot { permit: Some(permit), ended: Arc::clone(&self.ended) }
    }
}

/// The right to run one attempt. Its drop notifies the executor, however the attempt ended.
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    ended: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.permit = None;
        self.ended.notify_one();
    }
}

impl<B: Backend> Service for Executor<B> {
    const NAME: &'static str = "executor";

    fn notices(&self) -> &Notices {
        self.leases.database.notices()
    }

    /// Claims and runs work until `stop` is set. Running attempts go on.
    ///
    /// Claimed work is started while the next claim is made.
    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut recorded = self.wakeup.listen();
        let mut prefetch = Prefetch::new();
        let mut claiming = pin!(Fuse::terminated());
        // Whether there may be work that the last claim has not seen.
        let mut is_due = true;
        while !*stop.borrow_and_update() {
            failpoint::reach("executor.loop");
            let is_paused = self.pauses.has_handler(&self.name);
            if prefetch.is_overdue() || is_paused {
                self.release(&mut prefetch, claiming.as_mut()).await;
            }
            self.start_waiting(&mut prefetch);
            let wanted = prefetch.wanted(self.slots.free.available_permits());
            if is_due && !is_paused && wanted > 0 && claiming.is_terminated() {
                // Marked as seen before the claim, so that work recorded from here on triggers another claim.
                recorded.borrow_and_update();
                is_due = false;
                claiming.set(self.claim(wanted, self.slots.free.available_permits()).fuse());
            }
            tokio::select! {
                _ = stop.changed() => {}
                (claims, is_cut) = &mut claiming => {
                    is_due |= is_cut;
                    prefetch.add(claims, is_cut);
                }
                () = self.slots.ended.notified() => {
                    prefetch.ended();
                    is_due = true;
                }
                _ = recorded.changed() => is_due = true,
                () = self.rest(prefetch.overdue_at()) => {}
                () = self.rest(Instant::now().checked_add(self.poll_interval)) => is_due = true,
            }
        }
        self.release(&mut prefetch, claiming).await;
    }
}

impl<B: Backend> Executor<B> {
    /// Sleeps by the clock of Rocket's runtime; without an end, for ever. The handlers' runtime is no clock: a handler
    /// may block the thread that drives its timer.
    fn rest(&self, until: Option<Instant>) -> impl Future<Output = ()> + use<B> {
        let _rocket = self.leases.database.runtime().enter();
        let sleep = until.map(tokio::time::sleep_until);
        async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Starts waiting claims, as far as there are free slots.
    fn start_waiting(&self, prefetch: &mut Prefetch<Leased>) {
        while self.slots.free.available_permits() > 0
            && let Some(waiting) = prefetch.next()
        {
            self.start(waiting, self.slots.take());
        }
    }

    /// Hands back waiting claims, and the claim in progress: no attempt was made, and none counts.
    async fn release(
        &self,
        prefetch: &mut Prefetch<Leased>,
        mut claiming: Pin<&mut Fuse<impl Future<Output = (Vec<Leased>, bool)>>>,
    ) {
        // The claim in progress comes first: its turn to write has already begun.
        if !claiming.is_terminated() {
            let (claims, is_cut) = claiming.as_mut().await;
            prefetch.add(claims, is_cut);
        }
        let (leases, waiting): (_, Vec<_>) = (self.leases.clone(), prefetch.give_up().collect());
        let released = self.leases.database.runtime().spawn(async move {
            for Leased { claim, guard, .. } in waiting {
                // If the database cannot be reached, the lease lapses.
                let _ = leases.settle(claim.ticket, Settlement::Release).await;
                drop(guard);
            }
        });
        // If Rocket's runtime ends first, the release ends with it, and the leases lapse.
        let _ = released.await;
    }

    /// Claims up to `limit` deliveries, of which `free` start at once.
    async fn claim(&self, limit: usize, free: usize) -> (Vec<Leased>, bool) {
        let request = ClaimRequest { handler: Arc::clone(&self.name), limit, free, lease: self.lease };
        self.leases.claim(request, self.pauses.clone()).await
    }

    fn start(&self, Leased { claim, guard, registration }: Leased, slot: Slot) {
        let (ticket, number) = (claim.ticket.clone(), claim.attempt);
        let (handler, database, lease) = (Arc::clone(&self.handler), Arc::clone(&self.leases.database), self.lease);
        let running = Running {
            ticket: ticket.clone(),
            number,
            timeout: self.timeout,
            in_flight: self.leases.in_flight.clone(),
            notices: self.leases.database.notices().clone(),
            // If nothing is left to settle, the slot is free at once.
            task: tokio::spawn(async move {
                let attempt = Attempt { handler: &*handler, database, claim, lease, stop: registration };
                let ended = attempt.run().await.transpose()?;
                Some((ended, (guard, slot)))
            }),
        };
        let leases = self.leases.clone();
        self.leases.database.runtime().spawn(async move {
            if let Some((ending, guards)) = running.ended().await {
                let state = leases.end(Tried { ticket, number }, &ending).await;
                drop(guards);
                if state == Some(State::Discarded) {
                    leases.given_up.notify();
                }
            }
        });
    }
}
