use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, AbortRegistration, Aborted, BoxFuture};
use mojito_schema::{Backend, Claim, ClaimRequest, HandlerSpec, NewDelivery, QueryResult, Recorded, State, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::attempt::{self, Attempt};
use super::discarded::Discarded;
use super::ending::{Ending, Outcome, Tried};
use super::leases::{InFlight, Leases};
use super::{MojitoHandler, Performed};
use crate::config::MojitoConfig;
use crate::store::{CommitFailure, Committed, Database, DedicatedConnection, Failures, Pauses, Unavailable, Wakeup};

/// The longest search for hooks between two looks. A stepper calls them itself.
const NEVER: Duration = Duration::MAX;

/// Runs work step by step in its caller's task, for tests: no executor, no heartbeat, no timer.
pub(crate) struct Stepper<B: Backend> {
    leases: Leases<B>,
    handlers: Vec<Arc<dyn MojitoHandler<B>>>,
    pauses: Pauses,
    timeout: Duration,
    lease: Duration,
}

/// The steps of a host whose backend is not known.
#[rocket::async_trait]
pub(crate) trait Steps: Send + Sync {
    /// Runs everything that is due, until nothing is.
    async fn drain(&self) -> Result<Vec<Performed>, Unavailable>;

    /// Puts the clock of leases, retries and hooks forward, in whole seconds.
    async fn advance(&self, by: Duration) -> Result<(), Unavailable>;

    /// The failures to order.
    fn failures(&self) -> &Failures;
}

impl<B: Backend> Stepper<B> {
    pub fn new(
        database: Arc<Database<B>>,
        handlers: Vec<Arc<dyn MojitoHandler<B>>>,
        pauses: Pauses,
        config: &MojitoConfig,
    ) -> Self {
        let dedicated = Arc::new(Mutex::new(DedicatedConnection::new(Arc::clone(&database))));
        let leases = Leases { database, dedicated, in_flight: InFlight::default(), given_up: Wakeup::new() };
        Self { leases, handlers, pauses, timeout: config.handler_timeout, lease: config.lease }
    }

    pub fn database(&self) -> &Arc<Database<B>> {
        &self.leases.database
    }

    /// Enters a handler in the database.
    pub async fn attach(&self, spec: HandlerSpec) -> Result<(), Unavailable> {
        let specs = Arc::new(vec![spec]);
        loop {
            let specs = Arc::clone(&specs);
            let attached = self.run(|c| B::attach(c, specs, Timestamp::now()).boxed());
            if attached.await? {
                return Ok(());
            }
        }
    }

    /// Records a delivery, without a recorder.
    pub async fn record(&self, delivery: NewDelivery) -> Result<Recorded, Unavailable> {
        let batch = Arc::new(vec![delivery]);
        loop {
            let batch = Arc::clone(&batch);
            let recorded = self.run(|c| B::record(c, batch, Timestamp::now()).boxed()).await?;
            // A delivery that was set aside waits for another session's lock.
            if let Some(recorded) = recorded.into_iter().flatten().next() {
                return Ok(recorded);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Claims one piece of work, whatever its state and its place in the line.
    pub async fn claim_one(&self, delivery_id: i64, handler: &str, max_attempts: i32) -> Result<Claim, Unavailable> {
        let (work, lease) = ((delivery_id, handler.to_owned()), self.lease);
        self.run(|c| B::claim_one(c, work, max_attempts, lease, Timestamp::now()).boxed()).await
    }

    /// Runs one attempt on claimed work and settles it. The process dies where a test has ordered it: then nothing is
    /// settled, and the lease lapses.
    ///
    /// # Errors
    ///
    /// When no attempt was possible, since the database does not answer.
    pub async fn attempt(&self, handler: &dyn MojitoHandler<B>, claim: Claim) -> Result<Performed, Unavailable> {
        let (abort, stop) = AbortHandle::new_pair();
        self.attempt_until(handler, claim, (abort, stop)).await
    }

    /// The same, and the process dies after so many statements of the handler's transaction. The second value tells
    /// whether the handler ran so many.
    pub async fn attempt_cut_off(
        &self,
        handler: &dyn MojitoHandler<B>,
        claim: Claim,
        statements: u32,
    ) -> Result<(Performed, bool), Unavailable> {
        let (abort, stop) = AbortHandle::new_pair();
        self.failures().crash_after(statements, abort.clone());
        let performed = self.attempt_until(handler, claim, (abort, stop)).await;
        let is_cut_off = !self.failures().withdraw_crash();
        Ok((performed?, is_cut_off))
    }

    async fn attempt_until(
        &self,
        handler: &dyn MojitoHandler<B>,
        claim: Claim,
        (abort, stop): (AbortHandle, AbortRegistration),
    ) -> Result<Performed, Unavailable> {
        let (ticket, number) = (claim.ticket.clone(), claim.attempt);
        let database = Arc::clone(self.database());
        let mut run = pin!(Attempt { handler, database, claim, lease: self.lease, stop }.run());
        let (ended, is_late) = match timeout(self.timeout, run.as_mut()).await {
            Ok(ended) => (ended, false),
            Err(_) => {
                abort.abort();
                (run.await, true)
            }
        };
        let ending = match ended {
            Ok(ending) => ending,
            Err(Aborted) if is_late => Some(attempt::timed_out(self.timeout, number)),
            Err(Aborted) => return Ok(Performed::lapsed(&ticket, number)),
        };
        let Some(ending) = ending else {
            let has_died = self.failures().take_commit(&[CommitFailure::DiesAfter]).is_some();
            let work = (ticket.delivery_id, ticket.handler.clone());
            let state = self.run(|c| B::state_of(c, work).boxed()).await?;
            return Ok(match state {
                Some(State::Completed) => Performed::completed(&ticket, number, has_died),
                _ => Performed::lapsed(&ticket, number),
            });
        };
        // Without a transaction, the settlement commits the "done" mark.
        if ending.outcome == Outcome::Completed && self.failures().take_commit(&ALL).is_some() {
            return Ok(Performed::lapsed(&ticket, number));
        }
        let state = self.settle(Tried { ticket: ticket.clone(), number }, &ending).await?;
        Performed::ended(&ticket, number, &ending, state).ok_or(Unavailable::Connection)
    }

    /// Marks claimed work as done without a call of its handler.
    pub async fn complete(&self, claim: Claim) -> Result<(), Unavailable> {
        let tried = Tried { ticket: claim.ticket, number: claim.attempt };
        self.settle(tried, &attempt::completed()).await.map(drop)
    }

    /// Settles an attempt. Returns the state that the work is in now, unless another worker has it.
    async fn settle(&self, tried: Tried, ending: &Ending) -> Result<Option<State>, Unavailable> {
        let state = self.leases.settle(tried.ticket.clone(), ending.settlement.clone()).await?;
        if let Some(state) = state {
            ending.say(tried, state, self.leases.database.notices());
        }
        Ok(state)
    }

    /// Runs a verb that writes or reads, on the connection of the leases.
    pub async fn run<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let mut dedicated = self.leases.dedicated.lock().await;
        dedicated.commit("a step of a test failed", verb).await.map(Committed::outcome)
    }

    /// Rescues lapsed leases, and promotes where a dead process could not.
    async fn rescue(&self) -> Result<(), Unavailable> {
        self.leases.renew_and_rescue(self.lease).await.ok_or(Unavailable::Connection)?;
        let lines = self.run(|c| B::lines_without_first(c).boxed()).await?;
        if !lines.is_empty() {
            self.run(|c| B::promote(c, lines).boxed()).await?;
        }
        Ok(())
    }

    /// Runs what is due for one handler. Returns whether its process has died.
    async fn drain_handler(
        &self,
        handler: &Arc<dyn MojitoHandler<B>>,
        performed: &mut Vec<Performed>,
    ) -> Result<bool, Unavailable> {
        let name: Arc<str> = handler.name().into();
        loop {
            let request = ClaimRequest::new(Arc::clone(&name), 1, self.lease);
            let (leased, _) = self.leases.claim(request, self.pauses.clone()).await;
            let Some(leased) = leased.into_iter().next() else { return Ok(false) };
            let attempt = self.attempt(&**handler, leased.claim).await?;
            let has_died = attempt.has_died();
            performed.push(attempt);
            if has_died {
                return Ok(true);
            }
        }
    }

    /// Calls the hooks `discarded` that are due. Returns the number of calls.
    async fn call_hooks(&self, handler: &Arc<dyn MojitoHandler<B>>) -> usize {
        let hooks = Discarded {
            handler: Arc::clone(handler),
            name: handler.name().into(),
            poll_interval: NEVER,
            leases: self.leases.clone(),
            pauses: self.pauses.clone(),
            runtime: Handle::current(),
        };
        hooks.call_due().await
    }
}

/// Every failure of a commit.
const ALL: [CommitFailure; 3] = [CommitFailure::Refused, CommitFailure::DiesBefore, CommitFailure::DiesAfter];

#[rocket::async_trait]
impl<B: Backend> Steps for Stepper<B> {
    async fn drain(&self) -> Result<Vec<Performed>, Unavailable> {
        let mut performed = Vec::new();
        loop {
            let (before, mut calls) = (performed.len(), 0);
            self.rescue().await?;
            for handler in &self.handlers {
                if self.drain_handler(handler, &mut performed).await? {
                    return Ok(performed);
                }
                calls += self.call_hooks(handler).await;
            }
            if performed.len() == before && calls == 0 {
                return Ok(performed);
            }
        }
    }

    async fn advance(&self, by: Duration) -> Result<(), Unavailable> {
        self.run(|c| B::advance_clock(c, by).boxed()).await
    }

    fn failures(&self) -> &Failures {
        self.database().failures()
    }
}
