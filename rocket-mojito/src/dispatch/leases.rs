use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, AbortRegistration};
use mojito_schema::{Backend, Claim, ClaimRequest, Claimed, Rescue, Settlement, State, Ticket, Timestamp, failpoint};

use super::ending::{Ending, Tried};
use crate::notices::Notice;
use crate::store::{Committed, Database, DedicatedConnection, Pauses, Unavailable, Wakeup};

/// The pause before an attempt's release is tried again.
const RELEASE_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The leases of this process: the tickets in flight, and the connection on which leases are taken, renewed and
/// settled.
pub(super) struct Leases<B: Backend> {
    pub database: Arc<Database<B>>,
    pub dedicated: Arc<tokio::sync::Mutex<DedicatedConnection<B>>>,
    pub in_flight: InFlight,
    /// Notifies when work failed for good.
    pub given_up: Wakeup,
}

impl<B: Backend> Clone for Leases<B> {
    fn clone(&self) -> Self {
        Self {
            database: Arc::clone(&self.database),
            dedicated: Arc::clone(&self.dedicated),
            in_flight: self.in_flight.clone(),
            given_up: self.given_up.clone(),
        }
    }
}

impl<B: Backend> Leases<B> {
    /// Claims work, unless its handler is paused. Returns the claims with their tickets in flight, and whether there may
    /// be more work. Returns no claims if the database does not answer.
    ///
    /// # Cancellation
    ///
    /// A dropped future changes nothing: the claim is made all the same, and lapses.
    pub async fn claim(&self, request: ClaimRequest, pauses: Pauses) -> (Vec<Leased>, bool) {
        let leases = self.clone();
        let claimed = self.database.runtime().spawn(async move { leases.claim_now(request, pauses).await });
        let (claims, is_cut) = claimed.await.map(Result::unwrap_or_default).unwrap_or_default();
        if !claims.is_empty() {
            failpoint::reach("claim.committed");
        }
        (claims, is_cut)
    }

    async fn claim_now(&self, mut request: ClaimRequest, pauses: Pauses) -> Result<(Vec<Leased>, bool), Unavailable> {
        const FAILURE: &str = "nothing could be claimed";
        let mut dedicated = self.dedicated.lock().await;
        let database = Arc::clone(&self.database);
        let claimed = dedicated.commit(FAILURE, |connection| {
            async move {
                request.up_to = database.durability().claimable_up_to();
                // The handler may have been paused while this claim waited for the connection.
                let handler = Arc::clone(&request.handler);
                let Some(_leave) = pauses.leave_to_claim(&handler).await else { return Ok(Claimed::default()) };
                B::claim(connection, request, Timestamp::now()).await
            }
            .boxed()
        });
        let committed = claimed.await?;
        // The heartbeat has to see the tickets before its next transaction. It would rescue a lease that it does not
        // renew, if the clock was put forward.
        let tickets = committed.seen().claims.iter().map(|claim| claim.ticket.clone());
        let in_flight: Vec<_> = tickets.map(|ticket| self.in_flight.hold(ticket)).collect();
        drop(dedicated);
        // A power cut may undo the claim together with the process that holds it. It must not undo the delivery of
        // a handler that has begun. Nor may it undo the end of the predecessor in the line, which would begin again
        // after its successor.
        let (seen, durability) = (committed.seen(), self.database.durability());
        let newest = seen.claims.iter().map(|claim| claim.ticket.delivery_id).max().unwrap_or(0);
        let claimed = if !seen.has_promoted && durability.is_durable(newest) {
            committed.outcome()
        } else {
            let claimed = committed.durable(FAILURE).await?;
            durability.note_durable(newest);
            claimed
        };
        let leased = claimed.claims.into_iter().zip(in_flight);
        let leased = leased.map(|(claim, (guard, registration))| Leased { claim, guard, registration });
        Ok((leased.collect(), claimed.is_cut))
    }

    /// Renews the leases of every ticket in flight, and rescues lapsed leases of any process. `None` if the database
    /// does not answer.
    pub async fn renew_and_rescue(&self, lease: Duration) -> Option<Rescue> {
        let mut dedicated = self.dedicated.lock().await;
        let held = self.in_flight.tickets();
        let rescue = dedicated
            .commit("leases could not be renewed", |c| B::renew_and_rescue(c, held, lease, Timestamp::now()).boxed())
            .await;
        rescue.map(Committed::outcome).ok()
    }

    /// Settles an attempt that has ended, and logs the outcome that a person has to see. Returns the state that the work
    /// is in now, if the attempt still held its lease. An attempt that was not possible must not count: its lease is
    /// held until the database takes writes again.
    pub async fn end(&self, tried: Tried, ending: &Ending) -> Option<State> {
        loop {
            match self.settle(tried.ticket.clone(), ending.settlement.clone()).await {
                Ok(state) => {
                    if let Some(state) = state {
                        ending.say(tried, state, self.database.notices());
                    }
                    return state;
                }
                Err(_) if ending.settlement == Settlement::Release => tokio::time::sleep(RELEASE_RETRY_INTERVAL).await,
                Err(_) => return None,
            }
        }
    }

    /// Settles an attempt. Returns the state that the work is in now, if the attempt still held its lease. If the
    /// database cannot be reached, the lease lapses and the work is rescued.
    pub async fn settle(&self, ticket: Ticket, settlement: Settlement) -> Result<Option<State>, Unavailable> {
        let (handler, delivery) = (ticket.handler.clone(), ticket.delivery_id);
        let mut dedicated = self.dedicated.lock().await;
        let settled = dedicated
            .commit("an attempt could not be settled", |c| B::settle(c, ticket, settlement, Timestamp::now()).boxed())
            .await
            .map(Committed::outcome);
        if settled == Ok(None) {
            self.database.notices().say(Notice::TooLate { handler, delivery });
        }
        settled
    }
}

/// A claim whose ticket is in flight, so that its lease is renewed.
pub(super) struct Leased {
    pub claim: Claim,
    pub guard: InFlightGuard,
    pub registration: AbortRegistration,
}

/// The tickets that this process holds, with a handle to abort the work on each.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Ticket, AbortHandle>>>);

/// Keeps a ticket in flight until it is dropped.
pub(super) struct InFlightGuard {
    in_flight: InFlight,
    ticket: Ticket,
}

impl InFlight {
    pub fn hold(&self, ticket: Ticket) -> (InFlightGuard, AbortRegistration) {
        let (abort, registration) = AbortHandle::new_pair();
        self.lock().insert(ticket.clone(), abort);
        (InFlightGuard { in_flight: self.clone(), ticket }, registration)
    }

    /// Every ticket in flight.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.lock().keys().cloned().collect()
    }

    /// Stops the work on a ticket, at its next await.
    pub fn abort(&self, ticket: &Ticket) {
        if let Some(abort) = self.lock().get(ticket) {
            abort.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Ticket, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.in_flight.lock().remove(&self.ticket);
    }
}
