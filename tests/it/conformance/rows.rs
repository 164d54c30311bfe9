use super::{record, result};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    work_is_never_in_a_state_that_is_none,
    a_delivery_is_never_what_cannot_be_received,
    a_result_is_never_of_an_event_that_is_none,
);

/// Sees that each of these assignments is refused for the only row of a table, or taken. Of those that are refused, each
/// breaks one rule alone where it can.
async fn assert_checked<B: TestBackend>(table: &str, refused: &[&str], taken: &[&str]) {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    store.run("UPDATE mojito_work SET due_at = '2026-11-28 00:00:00'").await;

    for (assignments, is_refused) in refused.iter().map(|a| (a, true)).chain(taken.iter().map(|a| (a, false))) {
        let update = format!("UPDATE {table} SET {assignments}");
        assert_eq!(B::is_refused(&mut store.connection, &update).await, is_refused, "{update}");
    }
}

async fn work_is_never_in_a_state_that_is_none<B: TestBackend>() {
    let refused = [
        "state = 'ready', due_at = NULL",
        "attempt = -1",
        "max_attempts = 0",
        "attempt = max_attempts + 1",
        "epoch = -1",
        "state = 'running', lease_until = due_at, due_at = NULL",
        "state = 'running', attempt = 1, due_at = NULL",
        "state = 'retryable'",
        "lease_until = due_at",
        "finished_at = due_at",
        "state = 'completed', due_at = NULL",
        "state = 'discarded', finished_at = due_at",
        "state = 'retryable', attempt = 1, due_at = NULL",
        "state = 'skipped', due_at = NULL",
        "state = 'skipped', finished_at = due_at",
    ];
    let taken = [
        "due_at = NULL",
        "state = 'running', attempt = 1, lease_until = due_at, due_at = NULL",
        "state = 'retryable', attempt = 1",
        "state = 'completed', finished_at = due_at, due_at = NULL",
        "state = 'discarded', finished_at = due_at, due_at = NULL",
        "state = 'skipped', finished_at = due_at, due_at = NULL",
        "is_replayed = NOT is_replayed",
    ];

    assert_checked::<B>("mojito_work", &refused, &taken).await;
}

async fn a_delivery_is_never_what_cannot_be_received<B: TestBackend>() {
    let refused = [
        "event = 'interview'",
        "event = 'unknown'",
        "standing = 'superseded', version = NULL",
        "standing = 'late'",
        "version = NULL",
        "version = 0",
        "result_id = NULL",
        "first_delivery_id = NULL",
        "standing = 'quarantined', version = NULL",
        "fingerprint = substr(fingerprint, 2)",
        "repeat_count = -1, last_repeat_at = received_at",
        "repeat_count = 1",
        "last_repeat_at = received_at",
        "message_id = ''",
    ];
    let taken = [
        "standing = 'late', version = NULL",
        "standing = 'quarantined', version = NULL, first_delivery_id = NULL, event = 'unknown', result_id = NULL",
        "repeat_count = 1, last_repeat_at = received_at",
        "message_id = 'm'",
    ];

    assert_checked::<B>("mojito_deliveries", &refused, &taken).await;
}

async fn a_result_is_never_of_an_event_that_is_none<B: TestBackend>() {
    assert_checked::<B>("mojito_results", &["event = 'unknown'", "version = 0"], &["version = 2"]).await;
}
