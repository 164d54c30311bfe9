use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, ClaimRequest, Settlement, State};
use tokio::sync::watch;
use tokio::time::Instant;

use super::MojitoHandler;
use super::attempt::Attempt;
use super::claim_loop::{ClaimLoop, Work};
use super::ending::Tried;
use super::leases::{Leased, Leases};
use super::running::Running;
use super::slots::{Slot, Slots};
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

impl<B: Backend> Service for Executor<B> {
    const NAME: &'static str = "executor";

    fn notices(&self) -> &Notices {
        self.leases.database.notices()
    }

    async fn run(&self, stop: watch::Receiver<bool>) {
        let claim_loop = ClaimLoop { work: self, slots: &self.slots, poll_interval: self.poll_interval };
        claim_loop.run(self.wakeup.listen(), stop).await;
    }
}

impl<B: Backend> Work for Executor<B> {
    type Claim = Leased;

    fn is_paused(&self) -> bool {
        self.pauses.has_handler(&self.name)
    }

    async fn claim(&self, limit: usize, free: usize) -> (Vec<Leased>, bool) {
        let request = ClaimRequest { free, ..ClaimRequest::new(Arc::clone(&self.name), limit, self.lease) };
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

    async fn release(&self, waiting: Vec<Leased>) {
        let leases = self.leases.clone();
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

    /// Sleeps by the clock of Rocket's runtime. The handlers' runtime is no clock: a handler may block the thread that
    /// drives its timer.
    fn rest(&self, until: Option<Instant>) -> impl Future<Output = ()> + Send {
        let _rocket = self.leases.database.runtime().enter();
        let sleep = until.map(tokio::time::sleep_until);
        async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        }
    }
}
