//! No wake-up is lost and nothing is served twice, in each order of steps that is tried.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing where something must be has failed")]

#[path = "../../it/harness/scale.rs"]
mod scale;

use mojito_models::{callers, executor, notifier, recorder, run};

use self::scale::{rounds, seed};

// Shows F53.
#[test]
fn an_executor_handles_all_work_without_a_poll() {
    run(seed(), rounds(1_000, 200_000), || executor::handled(2, 3, 2));
    run(seed(), rounds(1_000, 200_000), || executor::handled(3, 1, 1));
}

// Shows F53.
#[test]
fn an_executor_that_is_stopped_leaves_each_piece_handled_or_pending() {
    run(seed(), rounds(1_000, 200_000), || executor::stopped(2, 3, 2));
}

// Shows F53.
#[test]
fn each_delivery_of_the_queue_is_answered_once_and_in_its_turn() {
    run(seed(), rounds(1_000, 200_000), || recorder::senders(4, 2));
    run(seed(), rounds(1_000, 200_000), || recorder::senders(3, 1));
}

// Shows F53.
#[test]
fn a_caller_is_served_by_a_sync_that_began_after_its_commit() {
    run(seed(), rounds(1_000, 200_000), || callers::shared(2));
    run(seed(), rounds(1_000, 200_000), || callers::shared(5));
}

// Shows F53.
#[test]
fn no_caller_is_served_after_a_sync_that_failed() {
    run(seed(), rounds(1_000, 200_000), || callers::failing(2));
    run(seed(), rounds(1_000, 200_000), || callers::failing(5));
}

// Shows F53.
#[test]
fn processes_hear_of_each_others_work_whatever_connections_they_lose() {
    run(seed(), rounds(1_000, 200_000), || notifier::told(2, 0));
    run(seed(), rounds(1_000, 200_000), || notifier::told(2, 3));
}
