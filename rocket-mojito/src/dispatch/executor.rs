use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Fuse, FusedFuture};
use mojito_schema::{Backend, ClaimRequest, Claimed, Settlement, Ticket, Utc, failpoint};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::MojitoHandler;
use super::ahead::{Ahead, Waiting};
use super::attempt::Attempt;
use super::ending::{Ending, Tried};
use super::held;
use super::running::Running;
use crate::config::Pauses;
use crate::notices::Notice;
use crate::store::{Committed, Database, Link, Signal, Unavailable};

/// Runs the work of one handler: as many attempts at once as it may, in the order of each result's line.
///
/// It is a task of the handlers' runtime, so that the next attempt begins on the thread on which the last one has ended.
/// What must not wait for a handler, it spawns on Rocket's: claims, settlements, time-outs.
pub(super) struct Executor<B: Backend> {
    pub handler: Arc<dyn MojitoHandler<B>>,
    pub name: Arc<str>,
    pub timeout: Duration,
    pub lease: Duration,
    /// How long it sleeps when nothing wakes it: what is due later, and what others recorded, is found by then.
    pub poll_interval: Duration,
    pub slots: Slots,
    pub desk: Desk<B>,
    pub pauses: Pauses,
    pub signal: Signal,
}

/// What was claimed and is held, and whether there may be more.
type Held = (Vec<Waiting>, bool);

/// How long until the next try to release an attempt.
const RELEASE_PAUSE: Duration = Duration::from_secs(1);

/// How many attempts may run at once, and a bell that rings when one has ended.
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

/// The right to run one attempt. Rings the bell when it is dropped, however the attempt ended.
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

/// What every executor and the keeper work at: one connection, and the tickets that are held.
pub(super) struct Desk<B: Backend> {
    pub database: Arc<Database<B>>,
    pub link: Arc<Mutex<Link<B>>>,
    pub held: held::Held,
    /// Rings where work failed for good.
    pub given_up: Signal,
}

impl<B: Backend> Clone for Desk<B> {
    fn clone(&self) -> Self {
        Self {
            database: Arc::clone(&self.database),
            link: Arc::clone(&self.link),
            held: self.held.clone(),
            given_up: self.given_up.clone(),
        }
    }
}

impl<B: Backend> Executor<B> {
    /// Claims and runs until `stop` says so. Attempts that still run go on.
    ///
    /// What was claimed is started while the next claim is made.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut recorded = self.signal.listen();
        let mut ahead = Ahead::new();
        let mut claiming = pin!(Fuse::terminated());
        // Whether there may be something that the last claim has not seen.
        let mut is_due = true;
        while !*stop.borrow_and_update() {
            failpoint::reach("executor.loop");
            let is_paused = self.pauses.has_handler(&self.name);
            if ahead.is_overdue() || is_paused {
                self.release(&mut ahead, claiming.as_mut()).await;
            }
            self.start_waiting(&mut ahead);
            let wanted = ahead.wanted(self.slots.free.available_permits());
            if is_due && !is_paused && wanted > 0 && claiming.is_terminated() {
                // Seen before the claim: what is recorded from here on makes it due again.
                recorded.borrow_and_update();
                is_due = false;
                claiming.set(self.claim(wanted, self.slots.free.available_permits()).fuse());
            }
            tokio::select! {
                _ = stop.changed() => {}
                (claims, is_cut) = &mut claiming => {
                    is_due |= is_cut;
                    ahead.add(claims, is_cut);
                }
                () = self.slots.ended.notified() => {
                    ahead.ended();
                    is_due = true;
                }
                _ = recorded.changed() => is_due = true,
                () = self.rest(ahead.overdue_at()) => {}
                () = self.rest(Instant::now().checked_add(self.poll_interval)) => is_due = true,
            }
        }
        self.release(&mut ahead, claiming).await;
    }

    /// Sleeps by Rocket's clock, for ever without an end: a handler that blocks the thread which keeps the time of its own
    /// runtime would stop that.
    fn rest(&self, until: Option<Instant>) -> impl Future<Output = ()> + use<B> {
        let _rocket = self.desk.database.runtime().enter();
        let sleep = until.map(tokio::time::sleep_until);
        async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Starts what waits, as far as there are free slots.
    fn start_waiting(&self, ahead: &mut Ahead<Waiting>) {
        while self.slots.free.available_permits() > 0
            && let Some(waiting) = ahead.next()
        {
            self.start(waiting, self.slots.take());
        }
    }

    /// Hands back what waits, and what is being claimed: no attempt was made, and none counts.
    async fn release(&self, ahead: &mut Ahead<Waiting>, mut claiming: Pin<&mut Fuse<impl Future<Output = Held>>>) {
        // Before anything else is written: it has its turn already.
        if !claiming.is_terminated() {
            let (claims, is_cut) = claiming.as_mut().await;
            ahead.add(claims, is_cut);
        }
        let (desk, waiting): (_, Vec<_>) = (self.desk.clone(), ahead.give_up().collect());
        let released = self.desk.database.runtime().spawn(async move {
            for Waiting { claim, hold, .. } in waiting {
                // Where the database cannot be reached, the lease lapses.
                let _ = desk.settle(claim.ticket, Settlement::Release).await;
                drop(hold);
            }
        });
        // It goes on where Rocket ends; then the leases lapse.
        let _ = released.await;
    }

    /// Claims up to `limit`, of which `free` are started at once, and holds them.
    async fn claim(&self, limit: usize, free: usize) -> Held {
        let request = ClaimRequest { handler: Arc::clone(&self.name), limit, free, lease: self.lease };
        let Claimed { claims, is_cut, .. } = self.claim_as(request).await;
        let claims = claims.into_iter().map(|claim| {
            let (abort, registration) = AbortHandle::new_pair();
            let hold = self.desk.held.hold(claim.ticket.clone(), abort);
            Waiting { claim, hold, registration }
        });
        (claims.collect(), is_cut)
    }

    async fn claim_as(&self, request: ClaimRequest) -> Claimed {
        const FAILURE: &str = "nothing could be claimed";
        let (link, pauses) = (Arc::clone(&self.desk.link), self.pauses.clone());
        let database = Arc::clone(&self.desk.database);
        let claimed = self.desk.database.runtime().spawn(async move {
            let mut link = link.lock().await;
            let claimed = link.commit(FAILURE, |connection| {
                async move {
                    // Somebody may have paused it while this waited for its turn.
                    match pauses.has_handler(&request.handler) {
                        true => Ok(Claimed::default()),
                        false => B::claim(connection, request, Utc::now()).await,
                    }
                }
                .boxed()
            });
            let committed = claimed.await?;
            drop(link);
            // A power cut may take the claim, and whoever holds it. It must not take the delivery under a handler that has begun,
            // nor the end of what came before it in its line: that would begin again after it.
            let seen = committed.seen();
            let newest = seen.claims.iter().map(|claim| claim.ticket.delivery_id).max().unwrap_or(0);
            if !seen.has_promoted && database.is_durable(newest) {
                return Ok(committed.outcome());
            }
            let claimed = committed.durable(FAILURE).await?;
            database.note_durable(newest);
            Ok::<_, Unavailable>(claimed)
        });
        let claimed = claimed.await.map(Result::unwrap_or_default).unwrap_or_default();
        if !claimed.claims.is_empty() {
            failpoint::reach("claim.committed");
        }
        claimed
    }

    fn start(&self, Waiting { claim, hold, registration }: Waiting, slot: Slot) {
        let (ticket, number, max_attempts) = (claim.ticket.clone(), claim.attempt, claim.max_attempts);
        let attempt = Attempt {
            handler: Arc::clone(&self.handler),
            database: Arc::clone(&self.desk.database),
            claim,
            lease: self.lease,
            stop: registration,
        };
        let running = Running {
            ticket: ticket.clone(),
            number,
            timeout: self.timeout,
            held: self.desk.held.clone(),
            notices: self.desk.database.notices().clone(),
            // Where nothing is left to settle, the slot is free at once.
            task: tokio::spawn(async move {
                let ended = attempt.run().await.transpose()?;
                Some((ended, (hold, slot)))
            }),
        };
        let desk = self.desk.clone();
        self.desk.database.runtime().spawn(async move {
            if let Some((ending, held)) = running.ended().await {
                desk.end(Tried { ticket, number, max_attempts }, &ending).await;
                drop(held);
                match ending.settlement {
                    Settlement::Discard { .. } => desk.given_up.notify(),
                    Settlement::Retry { .. } if number >= max_attempts => desk.given_up.notify(),
                    _ => {}
                }
            }
        });
    }
}

impl<B: Backend> Desk<B> {
    /// Settles an attempt that has ended, and says what needs a person. One that was not possible must not count: it is
    /// held until the database takes writes again.
    async fn end(&self, tried: Tried, ending: &Ending) {
        loop {
            match self.settle(tried.ticket.clone(), ending.settlement.clone()).await {
                Ok(is_settled) => {
                    if is_settled {
                        ending.say(tried, self.database.notices());
                    }
                    return;
                }
                Err(_) if ending.settlement == Settlement::Release => tokio::time::sleep(RELEASE_PAUSE).await,
                Err(_) => return,
            }
        }
    }

    /// Settles an attempt. Where the database cannot be reached the lease lapses, and the work is rescued. Whether the work
    /// was still its own.
    async fn settle(&self, ticket: Ticket, settlement: Settlement) -> Result<bool, Unavailable> {
        let (handler, delivery) = (ticket.handler.clone(), ticket.delivery_id);
        let mut link = self.link.lock().await;
        let settled = link
            .commit("an attempt could not be settled", |c| B::settle(c, ticket, settlement, Utc::now()).boxed())
            .await
            .map(Committed::outcome);
        if settled == Ok(false) {
            self.database.notices().say(Notice::TooLate { handler, delivery });
        }
        settled
    }
}
