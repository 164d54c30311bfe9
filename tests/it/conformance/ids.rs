use std::collections::HashSet;

use super::{record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    ids_that_are_counted_anew_are_mended_where_they_are_found_to_be_taken,
    a_launch_counts_on_from_what_rows_are_filed_under,
    a_launch_lets_no_count_go_back,
);

/// The counter of ids is as in a new database, as a restore of the rows alone leaves it.
async fn forget<B: TestBackend>(store: &mut Store<B>) {
    let forget = match B::NAME {
        "SQLite" => "DELETE FROM sqlite_sequence",
        _ => "SELECT setval(pg_get_serial_sequence('mojito_deliveries', 'id'), 1, false)",
    };
    store.run(forget).await;
}

async fn ids<B: TestBackend>(store: &mut Store<B>) -> Vec<i64> {
    store.deliveries().await.into_iter().map(|row| row.id).collect()
}

async fn ids_that_are_counted_anew_are_mended_where_they_are_found_to_be_taken<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..20).map(|n| result(&format!("r-{n}"), "a")).collect()).await;
    forget(&mut store).await;

    for n in 0..5 {
        record(&mut store, vec![result(&format!("new-{n}"), "a")]).await;
    }
    record(&mut store, (0..5).map(|n| result(&format!("r-{n}"), "b")).collect()).await;

    let ids = ids(&mut store).await;
    assert_eq!(ids.len(), 30);
    assert!(ids[20..].iter().all(|id| *id > 20), "{ids:?}");
}

// Shows M21.
async fn a_launch_counts_on_from_what_rows_are_filed_under<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("first", "a")]).await;
    record(&mut store, vec![result("first", "b")]).await;
    // The first was pruned: only the second, which is filed under it, knows of its id. Then the rows are given lower ids.
    store.run("DELETE FROM mojito_work; DELETE FROM mojito_deliveries WHERE id = 1").await;
    store.run("UPDATE mojito_deliveries SET first_delivery_id = 40").await;
    store.run("UPDATE mojito_results SET first_delivery_id = 40").await;
    forget(&mut store).await;

    B::mend_ids(&mut store.connection).await.unwrap();
    record(&mut store, (0..3).map(|n| result(&format!("new-{n}"), "a")).collect()).await;

    let rows = store.deliveries().await;
    let lines: HashSet<Option<i64>> = rows.iter().map(|row| row.first_delivery_id).collect();
    assert_eq!(lines.len(), 4, "{rows:?}");
    assert!(rows[1..].iter().all(|row| row.id > 40), "{rows:?}");
}

async fn a_launch_lets_no_count_go_back<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..9).map(|n| result(&format!("r-{n}"), "a")).collect()).await;
    let newest = ids(&mut store).await[8];
    store.run("DELETE FROM mojito_results; DELETE FROM mojito_deliveries").await;

    B::mend_ids(&mut store.connection).await.unwrap();
    record(&mut store, vec![result("new", "a")]).await;

    assert!(ids(&mut store).await[0] > newest);
}
