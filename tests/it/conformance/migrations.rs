use tokio::task::JoinSet;

use super::{record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    a_second_migration_finds_nothing_to_do,
    processes_that_migrate_at_once_migrate_once,
    what_is_to_run_is_told_by_name,
);

async fn a_second_migration_finds_nothing_to_do<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;

    B::migrate(&mut store.connection).await.unwrap();

    assert_eq!(store.deliveries().await.len(), 1);
}

async fn processes_that_migrate_at_once_migrate_once<B: TestBackend>() {
    let mut store = Store::<B>::open_empty().await;
    let mut processes = JoinSet::new();

    for _ in 0..4 {
        let mut connection = store.another().await;
        processes.spawn(async move { B::migrate(&mut connection).await });
    }
    let outcomes = processes.join_all().await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(B::pending_migrations(&mut store.connection).await.unwrap().is_empty());
    assert!(store.deliveries().await.is_empty());
}

async fn what_is_to_run_is_told_by_name<B: TestBackend>() {
    let mut store = Store::<B>::open_empty().await;

    let before = B::pending_migrations(&mut store.connection).await.unwrap();
    B::migrate(&mut store.connection).await.unwrap();
    let after = B::pending_migrations(&mut store.connection).await.unwrap();

    let names = [
        "0001_create_tables",
        "0002_add_message_id",
        "0003_mark_first_of_line",
        "0004_add_clock_readings",
        "0005_know_handlers",
        "0006_owe_hook",
        "0007_mark_promoted",
        "0008_keep_attempts",
        "0009_watch_actions",
        "0010_group_errors",
        "0011_skip_overtaken",
    ];
    assert_eq!(before, names);
    assert!(after.is_empty(), "{after:?}");
}
