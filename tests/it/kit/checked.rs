use std::sync::{Arc, Mutex};

use rocket_mojito::testing::{CheckError, Disturbance, check};

use super::database;
use super::handler::{Kit, Way};
use crate::harness::{TestBackend, on_each_backend};

on_each_backend!(
    a_handler_that_writes_under_keys_through_its_transaction_passes,
    a_handler_that_is_not_idempotent_is_named_with_its_table,
    a_handler_that_shows_outdated_states_is_named_with_its_table,
    a_handler_that_writes_outside_of_the_transaction_is_named_with_its_table,
    a_handler_that_fails_undisturbed_is_no_violation,
);

/// Checks a handler that goes this way, each time on a new database.
async fn checked<B: TestBackend>(way: Way<B>) -> Result<(), CheckError> {
    let storages = Mutex::new(Vec::new());
    let pool = match &way {
        Way::Outside(pool) => Arc::clone(pool),
        _ => Arc::default(),
    };
    check(&Kit::new(way), async || {
        let (storage, database) = database::<B>().await;
        storages.lock().unwrap().push(storage);
        *pool.lock().unwrap() = Some(database.pool().clone());
        Ok(database)
    })
    .await
}

/// The tables with a violation, each with its disturbance.
fn named(outcome: Result<(), CheckError>) -> Vec<(String, Disturbance)> {
    let error = outcome.unwrap_err();
    error.violations().iter().map(|violation| (violation.table.clone(), violation.disturbance)).collect()
}

// Shows O26.
async fn a_handler_that_writes_under_keys_through_its_transaction_passes<B: TestBackend>() {
    checked::<B>(Way::Good).await.unwrap();
}

// Shows O26.
async fn a_handler_that_is_not_idempotent_is_named_with_its_table<B: TestBackend>() {
    let outcome = checked::<B>(Way::Effect).await;

    assert_eq!(
        outcome.as_ref().unwrap_err().to_string(),
        "the effect in table `effects` is not exactly once after a replay of each delivery: 8 rows instead of 4"
    );
    assert_eq!(named(outcome), [("effects".to_owned(), Disturbance::Twice)]);
}

// Shows O26.
async fn a_handler_that_shows_outdated_states_is_named_with_its_table<B: TestBackend>() {
    let outcome = checked::<B>(Way::Overwrite).await;

    assert_eq!(named(outcome), [("states".to_owned(), Disturbance::OutOfOrder)]);
}

async fn a_handler_that_writes_outside_of_the_transaction_is_named_with_its_table<B: TestBackend>() {
    let outcome = checked::<B>(Way::Outside(Arc::default())).await;

    assert_eq!(named(outcome), [("outside".to_owned(), Disturbance::CrashAfterStatement(1))]);
}

async fn a_handler_that_fails_undisturbed_is_no_violation<B: TestBackend>() {
    let error = checked::<B>(Way::Fail).await.unwrap_err();

    assert_eq!(error.violations(), []);
    assert_eq!(error.to_string(), "an attempt that was not disturbed ended as `failed`: it is down");
}
