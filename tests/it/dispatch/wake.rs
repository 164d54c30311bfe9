use std::sync::Arc;
use std::time::Duration;

use mojito_schema::State;
use tokio::sync::Notify;

use super::{host_with, is_in};
use crate::harness::{Body, ScriptedAction, eventually, next};

/// With this between two looks, a wake-up that is lost is a test that gives up.
const NEVER: Duration = Duration::from_secs(3600);

// Shows F53.
#[tokio::test(flavor = "multi_thread")]
async fn no_wake_up_is_lost() {
    let (host, mut seen) =
        host_with(|config| config.poll_interval(NEVER).handler_concurrency(1), |_, _| ScriptedAction::Effect).await;

    for round in 0..300 {
        let delivery = host.post("interview_result", &Body::result(&round.to_string()).bytes()).await.delivery();
        assert_eq!(next(&mut seen).await.delivery, delivery);
    }

    eventually("all is done", || host.database.work().iter().all(|work| work.state == State::Completed)).await;
    assert_eq!(host.database.effects().len(), 300);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_attempt_wakes_what_waits_behind_it() {
    let (host, mut seen) =
        host_with(|config| config.poll_interval(NEVER).handler_concurrency(3), |_, _| ScriptedAction::Effect).await;

    for score in 0..50 {
        host.post("interview_result", &Body::result("one line").with("score", score).bytes()).await;
    }
    for version in 1..=50 {
        assert_eq!(next(&mut seen).await.version, Some(version));
    }

    host.stop().await;
}

// Shows P4, F55.
#[tokio::test(flavor = "multi_thread")]
async fn one_slow_and_one_failing_result_hold_up_none_of_ninety_eight() {
    let gate = Arc::new(Notify::new());
    let (host, mut seen) = host_with(|config| config.poll_interval(NEVER), {
        let gate = Arc::clone(&gate);
        move |event, _| match event.payload().id.as_str() {
            "slow" => ScriptedAction::WaitThenEffect(Arc::clone(&gate)),
            "failing" => ScriptedAction::Fail("always"),
            _ => ScriptedAction::Effect,
        }
    })
    .await;

    let slow = host.post("interview_result", &Body::result("slow").bytes()).await.delivery();
    let failing = host.post("interview_result", &Body::result("failing").bytes()).await.delivery();
    for n in 0..98 {
        host.post("interview_result", &Body::result(&n.to_string()).bytes()).await;
    }
    for _ in 0..100 {
        next(&mut seen).await;
    }
    eventually("the others are done", || host.database.effects().len() == 98).await;

    assert!(is_in(&host, slow, State::Running) && is_in(&host, failing, State::Retryable));
    gate.notify_one();
    eventually("the slow one is done", || is_in(&host, slow, State::Completed)).await;
    host.stop().await;
}
