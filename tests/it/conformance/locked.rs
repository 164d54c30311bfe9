//! Waiting work that a transaction has locked, and leaves as it is. Others pass over it meanwhile, and nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Action, AttemptOutcome, ClaimRequest, HandlerSpec, Line, NewDelivery, Operations, Postgres, Requeue, Selected,
    Settlement, Timestamp, WorkQueue,
};

use super::gate::{self, Connection, Gate, waits_or};
use super::line::broken;
use super::{LEASE, begun, claim, handler, result};
use crate::harness::{Store, record_all};

/// Two versions of a result, of which the first is completed and the second waits, and another result between them.
struct Host {
    store: Store<Postgres>,
    /// The connection whose commits the gate holds.
    held: Connection,
    completed: i64,
    other: i64,
    waiting: i64,
}

impl Host {
    async fn with_other(other: NewDelivery) -> Self {
        let mut store = Store::<Postgres>::open().await;
        let completed = record(&mut store, result("r", "1")).await;
        complete(&mut store, "Desk").await;
        let other = record(&mut store, other).await;
        let waiting = record(&mut store, result("r", "2")).await;
        let held = gate::build(&mut store).await;
        Self { store, held, completed, other, waiting }
    }

    async fn new() -> Self {
        Self::with_other(result("s", "1")).await
    }

    /// Replays the completed version while the transaction is held at its commit. Then that version comes first.
    async fn passes_over<F>(self, hold: impl FnOnce(Connection) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { mut store, held, completed, .. } = self;
        let gate = Gate::close(&store).await;
        let held = tokio::spawn(hold(held));
        gate.holds(&mut store, || held.is_finished()).await;
        assert!(!held.is_finished(), "it changes work, and so it is held");
        let mut connection = store.another().await;
        let replay = tokio::spawn(async move {
            let step = begun::<Postgres>(&mut connection, Action::Replay).await;
            let items = vec![requeue(completed, completed, "Desk")];
            Postgres::requeue(&mut connection, items, step, Timestamp::now()).await.unwrap().unwrap()
        });
        waits_or(&mut store, || replay.is_finished()).await;
        gate.open().await;
        held.await.unwrap();

        assert_eq!(replay.await.unwrap().work, 1);
        assert_eq!(broken(&store.work().await), [""; 0]);
        let claimed: Vec<i64> = claim(&mut store, 10).await.iter().map(|claim| claim.delivery.id).collect();
        assert!(claimed.contains(&completed), "{claimed:?}");
    }
}

/// Records a delivery for two handlers.
async fn record(store: &mut Store<Postgres>, delivery: NewDelivery) -> i64 {
    let handlers: Vec<HandlerSpec> = ["Desk", "Ledger"].map(handler).to_vec();
    record_all::<Postgres>(&mut store.connection, vec![delivery], Arc::new(handlers)).await.unwrap()[0].delivery_id
}

/// Completes the next work of a handler.
pub(super) async fn complete(store: &mut Store<Postgres>, handler: &str) {
    let claimed = Postgres::claim(&mut store.connection, ClaimRequest::new(handler, 1, LEASE), Timestamp::now()).await;
    let ticket = claimed.unwrap().claims.remove(0).ticket;
    Postgres::settle(&mut store.connection, ticket, Settlement::Complete, Timestamp::now()).await.unwrap();
}

fn requeue(delivery_id: i64, first_delivery_id: i64, handler: &str) -> Requeue {
    let line = Line { first_delivery_id, handler: handler.to_owned() };
    Requeue { delivery_id, line, max_attempts: None }
}

fn selected(delivery_id: i64, first_delivery_id: i64) -> Selected {
    Selected {
        delivery_id,
        first_delivery_id: Some(first_delivery_id),
        is_quarantined: false,
        has_event: true,
        handlers: vec!["Desk".to_owned()],
    }
}

// Shows M37.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_a_claim_that_has_no_room_for_the_waiting_version_goes_before_it() {
    let large = "x".repeat(1 << 20);
    let host = Host::with_other(result("s", &large)).await;

    let claims = async |mut connection: Connection| {
        let request = ClaimRequest::new("Desk", 10, LEASE);
        let claimed = Postgres::claim(&mut connection, request, Timestamp::now()).await.unwrap();
        assert_eq!(claimed.claims.len(), 1, "the second one is over the bytes of a claim");
    };
    host.passes_over(claims).await;
}

// Shows M37.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_a_replay_of_both_results_for_different_handlers_goes_before_what_waits() {
    let mut host = Host::new().await;
    complete(&mut host.store, "Ledger").await;
    complete(&mut host.store, "Ledger").await;
    complete(&mut host.store, "Desk").await;
    let items = vec![requeue(host.other, host.other, "Desk"), requeue(host.completed, host.completed, "Ledger")];
    let waiting = requeue(host.waiting, host.completed, "Ledger");

    let replays = async move |mut connection: Connection| {
        let step = begun::<Postgres>(&mut connection, Action::Replay).await;
        let items = items.into_iter().chain([waiting]).collect();
        let requeued = Postgres::requeue(&mut connection, items, step, Timestamp::now()).await.unwrap();
        assert_eq!(requeued.unwrap().work, 3);
    };
    host.passes_over(replays).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_a_pause_that_is_cut_goes_before_what_waits() {
    let mut host = Host::new().await;
    let claims = claim(&mut host.store, 10).await;
    let ticket = claims.into_iter().find(|claim| claim.delivery.id == host.waiting).unwrap().ticket;
    let (pause, error) = (Duration::from_secs(9), "no".to_owned());
    let retry = Settlement::Retry { pause, error, outcome: AttemptOutcome::Failed };
    Postgres::settle(&mut host.store.connection, ticket, retry, Timestamp::now()).await.unwrap();
    host.store.run("UPDATE mojito_work SET measured_from = now() + interval '1 day' WHERE state = 'retryable'").await;

    let waits = vec![(host.waiting, "Desk".to_owned())];
    let cuts = async move |mut connection: Connection| {
        assert_eq!(Postgres::cut_waits(&mut connection, waits, Timestamp::now()).await.unwrap(), 1);
    };
    host.passes_over(cuts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_a_dismissal_of_what_waits_again_goes_before_it() {
    let mut host = Host::new().await;
    let discard = Settlement::Discard { error: "no".to_owned() };
    let ticket = claim(&mut host.store, 1).await.remove(0).ticket;
    Postgres::settle(&mut host.store.connection, ticket, discard, Timestamp::now()).await.unwrap();
    let rows = vec![selected(host.other, host.other), selected(host.waiting, host.completed)];

    let dismisses = async move |mut connection: Connection| {
        let step = begun::<Postgres>(&mut connection, Action::Dismiss).await;
        let dismissed = Postgres::dismiss(&mut connection, rows, step, Timestamp::now()).await.unwrap();
        assert_eq!(dismissed.unwrap().work, 1);
    };
    host.passes_over(dismisses).await;
}
