use std::time::Duration;

use mojito_schema::{AttemptOutcome, Listing, Selection, Settlement, Standing, State, Timestamp};

use super::{claim, garbled, record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    a_list_goes_back_page_by_page,
    a_list_of_what_is_dead_shows_of_what_it_died,
    a_list_of_quarantine_shows_why,
    a_list_that_searches_far_says_how_far_it_has_come,
);

async fn list<B: TestBackend>(store: &mut Store<B>, selection: Selection, before: i64, limit: i64) -> Listing {
    B::list(&mut store.connection, selection, before, limit).await.unwrap()
}

fn ids(listing: &Listing) -> Vec<i64> {
    listing.deliveries.iter().map(|listed| listed.delivery_id).collect()
}

async fn a_list_goes_back_page_by_page<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..5).map(|n| result(&n.to_string(), "a")).collect()).await;

    let first = list(&mut store, Selection::all(), i64::MAX, 2).await;
    let second = list(&mut store, Selection::all(), first.next_before.unwrap(), 2).await;
    let third = list(&mut store, Selection::all(), second.next_before.unwrap(), 2).await;
    let one = list(&mut store, Selection::delivery(3), i64::MAX, 2).await;

    assert_eq!((ids(&first), ids(&second), ids(&third)), (vec![5, 4], vec![3, 2], vec![1]));
    assert_eq!((third.next_before, ids(&one), one.next_before), (None, vec![3], None));
    assert_eq!(first.deliveries[0].work[0].state, State::Pending);
}

async fn a_list_of_what_is_dead_shows_of_what_it_died<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..6).map(|n| result(&n.to_string(), "a")).collect()).await;
    for (n, claim) in claim(&mut store, 6).await.into_iter().enumerate() {
        let error = format!("error {n}");
        let settlement = match n % 2 {
            0 => Settlement::Discard { error },
            _ => Settlement::Retry { pause: Duration::from_secs(60), error, outcome: AttemptOutcome::Failed },
        };
        B::settle(&mut store.connection, claim.ticket, settlement, Timestamp::now()).await.unwrap();
    }

    let dead = list(&mut store, Selection::all().state(State::Discarded), i64::MAX, 2).await;
    let older = list(&mut store, Selection::all().state(State::Discarded), dead.next_before.unwrap(), 2).await;
    let failing = list(&mut store, Selection::all().state(State::Retryable).handler("Desk"), i64::MAX, 9).await;
    let others = list(&mut store, Selection::all().state(State::Discarded).handler("Other"), i64::MAX, 9).await;

    assert_eq!((ids(&dead), ids(&older), older.next_before), (vec![5, 3], vec![1], None));
    assert_eq!(dead.deliveries[0].work[0].last_error.as_deref(), Some("error 4"));
    assert_eq!(ids(&failing), [6, 4, 2]);
    assert!(failing.deliveries[0].work[0].due_at.is_some());
    assert_eq!(ids(&others), [0; 0]);
    assert!(!format!("{dead:?}").contains("error 4"), "an error may quote whom it is about");
}

async fn a_list_of_quarantine_shows_why<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![garbled("?"), result("r", "a"), garbled("!")]).await;

    let waiting = list(&mut store, Selection::all().standing(Standing::Quarantined), i64::MAX, 1).await;
    let older =
        list(&mut store, Selection::all().standing(Standing::Quarantined), waiting.next_before.unwrap(), 9).await;

    assert_eq!((ids(&waiting), ids(&older)), (vec![3], vec![1]));
    assert!(waiting.deliveries[0].has_body && waiting.deliveries[0].work.is_empty());
}

// Shows O09.
async fn a_list_that_searches_far_says_how_far_it_has_come<B: TestBackend>() {
    const ROWS: i64 = 5_002;
    let mut store = Store::<B>::open().await;
    // Quarantined ones are the smallest rows that there are.
    let batch: Vec<_> = (0..ROWS).map(|n| garbled(&n.to_string())).collect();
    for chunk in batch.chunks(256) {
        record(&mut store, chunk.to_vec()).await;
    }

    let nothing = list(&mut store, Selection::all().endpoint("elsewhere"), i64::MAX, 9).await;
    let rest = list(&mut store, Selection::all().endpoint("elsewhere"), nothing.next_before.unwrap(), 9).await;

    assert_eq!((ids(&nothing), nothing.next_before), (vec![], Some(3)));
    assert_eq!((ids(&rest), rest.next_before), (vec![], None));
}
