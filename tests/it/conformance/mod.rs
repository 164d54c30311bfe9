//! One suite of tests, run on each backend: all do the same.

mod actions;
mod attempts;
mod claim;
mod clock;
mod discard;
mod dismiss;
mod endpoints;
mod errors;
mod gate;
mod handlers;
mod hook;
mod ids;
mod joins;
mod latest;
mod line;
mod list;
mod locked;
mod migrations;
mod named;
mod open;
mod operations;
mod overtaking;
mod parallel;
mod pauses;
mod pruning;
mod record;
mod record_body;
mod rehearsal;
mod rows;
mod settle;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Action, Claim, ClaimRequest, HandlerSpec, NewAudit, NewDelivery, Recorded, Settlement, State, Step, Ticket,
    Timestamp, Versions, WorkRow,
};

use crate::harness::deliveries::{garbled, result, said, snapshot_of};
use crate::harness::{Store, TestBackend, record_all};

/// How long a claim may run.
const LEASE: Duration = Duration::from_secs(60);

/// The same bytes at another endpoint.
fn at(endpoint: &str, delivery: NewDelivery) -> NewDelivery {
    let (event, body, content) = (delivery.event(), delivery.body().to_vec(), delivery.content);
    NewDelivery::new(endpoint.to_owned(), delivery.secret_id, event, delivery.received_at, body, content)
}

/// The same bytes, received at this moment.
fn received(received_at: Timestamp, mut delivery: NewDelivery) -> NewDelivery {
    delivery.received_at = received_at;
    delivery
}

pub(crate) fn handler(name: &str) -> HandlerSpec {
    HandlerSpec {
        name: name.to_owned(),
        takes_late: false,
        wants: Versions::Every,
        max_attempts: 3,
        has_erased_hook: false,
    }
}

/// Records with one handler, `Desk`.
pub(crate) async fn record<B: TestBackend>(store: &mut Store<B>, batch: Vec<NewDelivery>) -> Vec<Recorded> {
    let handlers = Arc::new(vec![handler("Desk")]);
    record_all::<B>(&mut store.connection, batch, handlers).await.unwrap()
}

/// A step of an action that has just begun.
pub(crate) async fn begun<B: TestBackend>(connection: &mut B::Connection, action: Action) -> Step {
    let audit = NewAudit { actor: "anna".to_owned(), action, target: "{}".to_owned(), reason: None };
    let execution = B::begin_action(connection, audit, 9, LEASE, Timestamp::now()).await.unwrap();
    Step { execution, cursor: 0, lease: LEASE }
}

/// A store with one delivery that is claimed.
async fn claimed<B: TestBackend>() -> (Store<B>, Ticket) {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    let ticket = claim_one(&mut store).await.ticket;
    (store, ticket)
}

async fn settle<B: TestBackend>(store: &mut Store<B>, ticket: &Ticket, settlement: Settlement) -> bool {
    B::settle(&mut store.connection, ticket.clone(), settlement, Timestamp::now()).await.unwrap().is_some()
}

/// Claims for `Desk`.
async fn claim<B: TestBackend>(store: &mut Store<B>, limit: usize) -> Vec<Claim> {
    claim_on::<B>(&mut store.connection, limit).await
}

/// Claims for `Desk` on a connection of one's own.
async fn claim_on<B: TestBackend>(connection: &mut B::Connection, limit: usize) -> Vec<Claim> {
    B::claim(connection, ClaimRequest::new("Desk", limit, LEASE), Timestamp::now()).await.unwrap().claims
}

/// Claims the only thing that there is to claim.
async fn claim_one<B: TestBackend>(store: &mut Store<B>) -> Claim {
    let mut claims = claim(store, 10).await;
    assert_eq!(claims.len(), 1, "{claims:?}");
    claims.remove(0)
}

/// The only work there is.
async fn only_work<B: TestBackend>(store: &mut Store<B>) -> WorkRow {
    let mut work = store.work().await;
    assert_eq!(work.len(), 1, "{work:?}");
    work.remove(0)
}

/// The states of all work, in stored order.
async fn states<B: TestBackend>(store: &mut Store<B>) -> Vec<State> {
    store.work().await.into_iter().map(|work| work.state).collect()
}
