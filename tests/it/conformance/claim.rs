use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    AttemptOutcome, Claim, ClaimRequest, HandlerSpec, Settlement, Sqlite, State, Timestamp, WorkQueue as _,
};
use tokio::task::JoinSet;

use super::{LEASE, claim, claim_on, claim_one, handler, record, result, states};
use crate::harness::{Store, TestBackend, on_each_backend, record_all};

on_each_backend!(
    a_claim_tells_all_that_an_attempt_needs,
    deliveries_of_one_result_are_claimed_in_their_order_one_by_one,
    a_claim_takes_no_more_than_its_limit,
    what_is_not_due_is_not_claimed,
    processes_that_claim_at_once_never_get_the_same_work,
    nothing_is_claimed_ahead_for_its_last_attempt,
    a_claim_takes_no_more_bodies_than_fit,
    no_two_claims_have_the_same_epoch,
);

async fn a_claim_tells_all_that_an_attempt_needs<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a"), result("r", "b")]).await;

    let first = claim_one(&mut store).await;
    B::settle(&mut store.connection, first.ticket.clone(), Settlement::Complete, Timestamp::now()).await.unwrap();
    let second = claim_one(&mut store).await;

    assert_eq!((first.attempt, first.max_attempts), (1, 3));
    assert_eq!((first.delivery.version, first.is_superseded, &first.former_body), (Some(1), true, &None));
    assert_eq!((second.delivery.version, second.is_superseded), (Some(2), false));
    assert_eq!(second.former_body, first.delivery.body);
    assert_eq!(states(&mut store).await, [State::Completed, State::Running]);
}

async fn deliveries_of_one_result_are_claimed_in_their_order_one_by_one<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let batch = (0..12).map(|n| result(&format!("r-{}", n % 3), &n.to_string())).collect();
    record(&mut store, batch).await;

    let mut versions = Vec::new();
    for _ in 0..4 {
        let claims = claim(&mut store, 10).await;
        versions.push(claims.iter().filter_map(|claim| claim.delivery.version).collect::<Vec<_>>());
        for claim in claims {
            B::settle(&mut store.connection, claim.ticket, Settlement::Complete, Timestamp::now()).await.unwrap();
        }
    }

    assert_eq!(versions, [[1; 3], [2; 3], [3; 3], [4; 3]]);
    assert!(claim(&mut store, 10).await.is_empty());
}

async fn a_claim_takes_no_more_than_its_limit<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let recorded = record(&mut store, (0..9).map(|n| result(&n.to_string(), "a")).collect()).await;

    let claims = claim(&mut store, 4).await;

    let claimed: Vec<i64> = claims.iter().map(|claim| claim.delivery.id).collect();
    assert_eq!(claimed, recorded[..4].iter().map(|recorded| recorded.delivery_id).collect::<Vec<_>>());
    assert_eq!(states(&mut store).await.iter().filter(|state| **state == State::Running).count(), 4);
}

async fn what_is_not_due_is_not_claimed<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    let ticket = claim_one(&mut store).await.ticket;

    let retry = Settlement::Retry {
        pause: Duration::from_secs(3600),
        error: "not yet".to_owned(),
        outcome: AttemptOutcome::Failed,
    };
    B::settle(&mut store.connection, ticket, retry, Timestamp::now()).await.unwrap();

    assert!(claim(&mut store, 10).await.is_empty());
}

async fn processes_that_claim_at_once_never_get_the_same_work<B: TestBackend>() {
    const ROWS: usize = 1_000;
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..ROWS).map(|n| result(&n.to_string(), "a")).collect()).await;
    let mut processes = JoinSet::new();

    for _ in 0..4 {
        let mut connection = store.another().await;
        processes.spawn(async move {
            let mut all: Vec<Claim> = Vec::new();
            // A claim passes by rows that the others are about to claim, so an empty answer alone does not mean the
            // end.
            let mut empty = 0;
            while empty < 3 {
                let claims = claim_on::<B>(&mut connection, 20).await;
                empty = if claims.is_empty() { empty + 1 } else { 0 };
                all.extend(claims);
            }
            all
        });
    }
    let claims = processes.join_all().await.concat();

    let distinct: BTreeSet<i64> = claims.iter().map(|claim| claim.ticket.delivery_id).collect();
    assert_eq!((claims.len(), distinct.len()), (ROWS, ROWS));
    assert!(claims.iter().all(|claim| claim.attempt == 1));
}

// Shows M07.
async fn nothing_is_claimed_ahead_for_its_last_attempt<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let once = Arc::new(vec![HandlerSpec { max_attempts: 1, ..handler("Desk") }]);
    let batch = (0..6).map(|n| result(&n.to_string(), "a")).collect();
    record_all::<B>(&mut store.connection, batch, once).await.unwrap();

    let request = |free| ClaimRequest { free, ..ClaimRequest::new("Desk", 6, LEASE) };
    let ahead = B::claim(&mut store.connection, request(0), Timestamp::now()).await.unwrap();
    let two = B::claim(&mut store.connection, request(2), Timestamp::now()).await.unwrap();

    assert!(ahead.claims.is_empty(), "{ahead:?}");
    assert_eq!(two.claims.len(), 2);
    assert_eq!(claim(&mut store, 10).await.len(), 4);
}

#[tokio::test]
async fn sqlite_claims_nothing_that_is_not_on_the_disk_yet() {
    let mut store = Store::<Sqlite>::open().await;
    record(&mut store, (0..3).map(|n| result(&n.to_string(), "a")).collect()).await;

    let durable = ClaimRequest { up_to: 2, ..ClaimRequest::new("Desk", 10, LEASE) };
    let claimed = Sqlite::claim(&mut store.connection, durable, Timestamp::now()).await.unwrap();

    let ids: Vec<i64> = claimed.claims.iter().map(|claim| claim.ticket.delivery_id).collect();
    assert_eq!((ids, claimed.is_cut), (vec![1, 2], false));
    assert_eq!(claim_one(&mut store).await.ticket.delivery_id, 3);
}

// Shows M13.
async fn a_claim_takes_no_more_bodies_than_fit<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let large = "x".repeat(400 << 10);
    record(&mut store, (0..5).map(|n| result(&n.to_string(), &large)).collect()).await;

    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 5 {
        let claimed =
            B::claim(&mut store.connection, ClaimRequest::new("Desk", 10, LEASE), Timestamp::now()).await.unwrap();
        assert_eq!(claimed.is_cut, sizes.len() < 2, "there is more");
        sizes.push(claimed.claims.len());
    }

    assert_eq!(sizes, [2, 2, 1], "at most a mebibyte at once");
}

async fn no_two_claims_have_the_same_epoch<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;

    let mut epochs = BTreeSet::new();
    for _ in 0..20 {
        let ticket = claim_one(&mut store).await.ticket;
        epochs.insert(ticket.epoch);
        B::settle(&mut store.connection, ticket, Settlement::Release, Timestamp::now()).await.unwrap();
    }

    assert_eq!(epochs.len(), 20);
    assert!(epochs.iter().any(|epoch| *epoch > 1 << 40), "they are of 63 random bits: {epochs:?}");
}
