//! Pruning beside a transaction that makes work wait again, held at its commit: what has work to be done stays.

use std::sync::Arc;

use mojito_schema::{Action, Expiry, Line, Operations, Postgres, QueryResult, Requeue, Timestamp, prune};
use tokio::task::JoinHandle;

use super::gate::{self, Connection, Gate, waits_or};
use super::line::broken;
use super::locked::complete;
use super::{LEASE, begun, claim, handler, result};
use crate::harness::{Store, record_all};

/// Three versions of a result that a handler has completed, and the first one's id. The first is replayed to a handler
/// while what is tried prunes.
async fn replayed_beside<F>(completed_by: &str, replayed_to: &str, prunes: impl FnOnce(Connection, Expiry) -> F)
where
    F: Future<Output = QueryResult<()>> + Send + 'static,
{
    let mut store = Store::<Postgres>::open().await;
    let versions = ["1", "2", "3"].map(|version| result("r", version)).to_vec();
    let handlers = Arc::new(vec![handler(completed_by)]);
    let recorded = record_all::<Postgres>(&mut store.connection, versions, handlers).await.unwrap();
    let first = recorded[0].delivery_id;
    for _ in 0..3 {
        complete(&mut store, completed_by).await;
    }

    let mut held = gate::build(&mut store).await;
    let gate = Gate::close(&store).await;
    let line = Line { first_delivery_id: first, handler: replayed_to.to_owned() };
    let replay: JoinHandle<u64> = tokio::spawn(async move {
        let step = begun::<Postgres>(&mut held, Action::Replay).await;
        let items = vec![Requeue { delivery_id: first, line, max_attempts: Some(3) }];
        Postgres::requeue(&mut held, items, step, Timestamp::now()).await.unwrap().unwrap().work
    });
    gate.holds(&mut store, || replay.is_finished()).await;
    let pruning = tokio::spawn(prunes(store.another().await, Expiry::before(Timestamp::now().after(LEASE))));
    waits_or(&mut store, || pruning.is_finished()).await;
    gate.open().await;
    pruning.await.unwrap().unwrap();

    assert_eq!(replay.await.unwrap(), 1);
    assert_eq!(broken(&store.work().await), [""; 0]);
    let claimed = claim(&mut store, 10).await;
    assert_eq!(claimed.iter().map(|claim| claim.delivery.id).collect::<Vec<_>>(), [first]);
    assert!(claimed[0].delivery.body.is_some(), "it has its body");
    let removed = store.texts("SELECT CAST(count(*) AS TEXT) AS value FROM mojito_deliveries WHERE body IS NULL").await;
    let left = store.texts("SELECT CAST(count(*) AS TEXT) AS value FROM mojito_deliveries").await;
    assert!(removed != ["0"] || left == ["2"], "the others were pruned: {removed:?} of {left:?}");
}

async fn prune_deliveries(mut connection: Connection, expiry: Expiry) -> QueryResult<()> {
    prune::<Postgres>(&mut connection, expiry, 0, 100).await.map(drop)
}

async fn prune_bodies(mut connection: Connection, expiry: Expiry) -> QueryResult<()> {
    Postgres::prune_bodies(&mut connection, expiry, 100).await.map(drop)
}

// Shows M38.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_replayed_meanwhile_is_not_removed() {
    replayed_beside("Desk", "Desk", prune_deliveries).await;
}

// Shows M38.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_replayed_meanwhile_to_a_handler_that_came_later_is_not_removed() {
    replayed_beside("Ledger", "Desk", prune_deliveries).await;
}

// Shows M38.
#[tokio::test(flavor = "multi_thread")]
async fn the_body_of_a_delivery_that_is_replayed_meanwhile_is_kept() {
    replayed_beside("Desk", "Desk", prune_bodies).await;
}
