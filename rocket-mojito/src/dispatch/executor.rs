use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, Claim, Settlement, Ticket, Utc, failpoint, fault};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::MojitoHandler;
use super::attempt::Attempt;
use super::held::Held;
use crate::config::Pauses;
use crate::store::{Database, Link, Signal};

/// How long an executor sleeps when nothing wakes it. What is due later, and what other processes recorded, is
/// found by then.
const POLL: Duration = Duration::from_secs(1);

/// Runs the work of one handler: as many attempts at once as it may, in the order of each result's line.
pub(super) struct Executor<B: Backend> {
    pub handler: Arc<dyn MojitoHandler<B>>,
    pub name: Arc<str>,
    pub concurrency: usize,
    pub timeout: Duration,
    pub lease: Duration,
    pub desk: Desk<B>,
    pub pauses: Pauses,
    pub signal: Signal,
}

/// What every executor and the keeper work at: one connection, and the tickets that are held.
pub(super) struct Desk<B: Backend> {
    pub database: Arc<Database<B>>,
    pub link: Arc<Mutex<Link<B>>>,
    pub held: Held,
}

impl<B: Backend> Clone for Desk<B> {
    fn clone(&self) -> Self {
        Self { database: Arc::clone(&self.database), link: Arc::clone(&self.link), held: self.held.clone() }
    }
}

impl<B: Backend> Executor<B> {
    /// Claims and runs until `stop` says so; then gives back the attempts that still run.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> JoinSet<()> {
        let slots = Arc::new(Semaphore::new(self.concurrency));
        let mut attempts = JoinSet::new();
        let mut recorded = self.signal.listen();
        while !*stop.borrow_and_update() {
            // Seen before the claim: what is recorded from here on wakes the wait below.
            recorded.borrow_and_update();
            let free = if self.pauses.has_handler(&self.name) { 0 } else { slots.available_permits() };
            let claims = if free > 0 { self.claim(free).await } else { Vec::new() };
            let may_be_more = free > 0 && claims.len() == free;
            for claim in claims {
                let slot = Arc::clone(&slots).try_acquire_owned().expect("no more were claimed than are free");
                self.start(&mut attempts, claim, slot);
            }
            while attempts.try_join_next().is_some() {}
            if may_be_more && slots.available_permits() > 0 {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                _ = attempts.join_next(), if !attempts.is_empty() => {}
                _ = recorded.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        attempts
    }

    async fn claim(&self, limit: usize) -> Vec<Claim> {
        let name = Arc::clone(&self.name);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.desk.claim(name, limit, self.lease).await
    }

    fn start(&self, attempts: &mut JoinSet<()>, claim: Claim, slot: OwnedSemaphorePermit) {
        let ticket = claim.ticket.clone();
        let attempt = Attempt {
            handler: Arc::clone(&self.handler),
            database: Arc::clone(&self.desk.database),
            claim,
            timeout: self.timeout,
        };
        let desk = self.desk.clone();
        let task = attempts.spawn({
            let ticket = ticket.clone();
            async move {
                if let Some(settlement) = attempt.run().await {
                    desk.settle(ticket.clone(), settlement).await;
                }
                desk.held.remove(&ticket);
                drop(slot);
            }
        });
        self.desk.held.add(ticket, task);
    }
}

impl<B: Backend> Desk<B> {
    async fn claim(&self, handler: Arc<str>, limit: i64, lease: Duration) -> Vec<Claim> {
        let mut link = self.link.lock().await;
        if link.connection().await.is_err() {
            return Vec::new();
        }
        let _turn = self.database.write_turn().await;
        let Ok(connection) = link.connection().await else { return Vec::new() };
        match B::claim(connection, handler, limit, lease, Utc::now()).await {
            Ok(claims) => {
                if !claims.is_empty() {
                    failpoint::reach("claim.committed");
                }
                claims
            }
            Err(error) => {
                link.reset();
                tracing::error!(fault = fault(&error), "nothing could be claimed");
                Vec::new()
            }
        }
    }

    /// Settles an attempt. Where the database cannot be reached the lease lapses, and the work is rescued.
    pub async fn settle(&self, ticket: Ticket, settlement: Settlement) {
        let delivery = ticket.delivery_id;
        let mut link = self.link.lock().await;
        if link.connection().await.is_err() {
            return;
        }
        let _turn = self.database.write_turn().await;
        let Ok(connection) = link.connection().await else { return };
        match B::settle(connection, ticket, settlement, Utc::now()).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(delivery, "an attempt came too late: another worker has the delivery"),
            Err(error) => {
                link.reset();
                tracing::error!(delivery, fault = fault(&error), "an attempt could not be settled");
            }
        }
    }
}
