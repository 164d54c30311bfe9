//! A clock that was ahead, and has been put back: nobody waits until it is there again.

use std::time::Duration;

use mojito_schema::State;

use super::{host, is_in};
use crate::harness::{Body, ScriptedAction, eventually, next};

/// A first attempt that asks for another one after `pause`. A change of its row meanwhile must not keep that back.
async fn is_tried_again(pause: Duration, as_the_clock_left_it: &str) {
    let (host, mut seen) = host(move |_, attempt| match attempt {
        1 => ScriptedAction::RetryIn(pause),
        _ => ScriptedAction::Effect,
    })
    .await;
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    next(&mut seen).await;
    eventually("it waits", || is_in(&host, delivery, State::Retryable)).await;

    host.database.run(as_the_clock_left_it);

    assert_eq!(next(&mut seen).await.attempt, 2);
    host.stop().await;
}

// Shows F60.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_was_set_while_the_clock_was_ahead_ends_in_its_time() {
    is_tried_again(
        Duration::from_secs(5),
        "UPDATE mojito_work SET due_at = strftime('%Y-%m-%d %H:%M:%f', due_at, '+1000 days'),
             measured_from = strftime('%Y-%m-%d %H:%M:%f', measured_from, '+1000 days')",
    )
    .await;
}

// Shows F60.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_taken_while_the_clock_was_ahead_lapses_in_its_time() {
    // As a process leaves it that has died in its first attempt.
    is_tried_again(
        Duration::from_secs(3600),
        "UPDATE mojito_work SET state = 'running', due_at = NULL, epoch = 7,
             measured_from = strftime('%Y-%m-%d %H:%M:%f', 'now', '+1000 days'),
             lease_until = strftime('%Y-%m-%d %H:%M:%f', 'now', '+1000 days', '+2 seconds')",
    )
    .await;
}
