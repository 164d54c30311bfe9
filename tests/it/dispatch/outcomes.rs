use std::time::Duration;

use mojito_schema::{State, Timestamp};
use rocket_mojito::Actor;

use super::{host, host_with, is_in, work_on};
use crate::harness::{Body, Host, ScriptedAction, eventually, next};

async fn post(host: &Host, result: &str) -> i64 {
    host.post("interview_result", &Body::result(result).bytes()).await.delivery()
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_commits_effect_and_mark_together() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;

    let delivery = post(&host, "r").await;

    let told = next(&mut seen).await;
    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;
    let effects = host.database.effects();
    assert_eq!((told.delivery, told.version, told.attempt), (delivery, Some(1), 1));
    assert_eq!(effects.len(), 1);
    assert_eq!((effects[0].delivery_id, effects[0].attempt), (delivery, 1));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_without_a_transaction_completes_too() {
    let (host, _seen) = host(|_, _| ScriptedAction::Nothing).await;

    let delivery = post(&host, "r").await;

    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_rolls_back_and_is_attempted_again_with_the_same_key() {
    let (host, mut seen) = host(|_, attempt| match attempt {
        1 => ScriptedAction::EffectThenFail("no printer"),
        _ => ScriptedAction::Effect,
    })
    .await;

    let delivery = post(&host, "r").await;
    let first = next(&mut seen).await;
    eventually("it waits", || is_in(&host, delivery, State::Retryable)).await;
    let waiting = work_on(&host, delivery);
    host.database.hurry();
    let second = next(&mut seen).await;
    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;

    let effects = host.database.effects();
    assert_eq!(waiting.last_error.as_deref(), Some("no printer"));
    assert_eq!((second.attempt, second.key), (2, first.key));
    assert_eq!(effects.len(), 1, "{effects:?}");
    assert_eq!(effects[0].attempt, 2);
    host.stop().await;
}

// Shows F80.
#[tokio::test(flavor = "multi_thread")]
async fn the_pause_doubles_from_attempt_to_attempt_and_its_length_is_left_to_chance() {
    let (host, _seen) = host(|_, _| ScriptedAction::Fail("no printer")).await;
    host.inbox.pause_handler("Script", Actor::new("anna")).await.unwrap();
    for number in 0..8 {
        post(&host, &number.to_string()).await;
    }

    for (attempt, longest) in [(1, 30), (2, 60), (3, 120)] {
        let before = Timestamp::now();
        host.inbox.resume_handler("Script", Actor::new("anna")).await.unwrap();
        eventually("every attempt has failed", || {
            host.database.work().iter().all(|work| (work.state, work.attempt) == (State::Retryable, attempt))
        })
        .await;
        host.inbox.pause_handler("Script", Actor::new("anna")).await.unwrap();

        let mut due: Vec<Timestamp> = host.database.work().iter().filter_map(|work| work.due_at).collect();
        due.sort();
        let (soonest, latest) = (before.after(Duration::from_secs(longest / 2)), Timestamp::now());
        assert!(due[0] >= soonest, "attempt {attempt}: {due:?}");
        assert!(due[7] <= latest.after(Duration::from_secs(longest)), "attempt {attempt}: {due:?}");
        // Eight numbers drawn from 15 s lie within 0.2 s once in a thousand million times.
        assert!(due[7] > due[0].after(Duration::from_millis(200)), "attempt {attempt}: {due:?}");
        host.database.hurry();
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discard_gives_up_at_once() {
    let (host, _seen) = host(|_, _| ScriptedAction::Discard("no such office")).await;

    let delivery = post(&host, "r").await;

    eventually("it is discarded", || is_in(&host, delivery, State::Discarded)).await;
    let work = work_on(&host, delivery);
    assert_eq!((work.attempt, work.last_error.as_deref()), (1, Some("no such office")));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_in_is_attempted_again_then_and_not_before() {
    let (host, _seen) = host(|_, _| ScriptedAction::RetryIn(Duration::from_secs(7200))).await;
    let before = Timestamp::now();

    let delivery = post(&host, "r").await;

    eventually("it waits", || is_in(&host, delivery, State::Retryable)).await;
    let due_at = work_on(&host, delivery).due_at.unwrap();
    assert!(
        due_at >= before.after(Duration::from_secs(7200))
            && due_at <= Timestamp::now().after(Duration::from_secs(7200))
    );
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failed_attempt_and_hurts_nobody_else() {
    let (host, mut seen) = host(|event, _| match event.payload().id.as_str() {
        "bad" => ScriptedAction::EffectThenPanic,
        _ => ScriptedAction::Effect,
    })
    .await;

    let bad = post(&host, "bad").await;
    next(&mut seen).await;
    eventually("it waits", || is_in(&host, bad, State::Retryable)).await;
    let good = post(&host, "good").await;
    eventually("the other is completed", || is_in(&host, good, State::Completed)).await;

    let effects = host.database.effects();
    assert_eq!(work_on(&host, bad).last_error.as_deref(), Some("the handler panicked: as the test says"));
    assert_eq!(effects.iter().map(|effect| effect.delivery_id).collect::<Vec<_>>(), [good]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_a_failed_attempt_and_its_transaction_is_rolled_back() {
    let (host, mut seen) = host_with(
        |config| config.handler_timeout(Duration::from_millis(200)),
        |event, _| match event.payload().id.as_str() {
            "slow" => ScriptedAction::EffectThenHang,
            _ => ScriptedAction::Effect,
        },
    )
    .await;

    let slow = post(&host, "slow").await;
    next(&mut seen).await;
    eventually("it waits", || is_in(&host, slow, State::Retryable)).await;
    let good = post(&host, "good").await;
    eventually("the other is completed", || is_in(&host, good, State::Completed)).await;

    assert_eq!(work_on(&host, slow).last_error.as_deref(), Some("the handler did not answer within 0.2 s"));
    assert_eq!(host.database.effects().len(), 1);
    host.stop().await;
}

// Shows F80.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_attempt_is_followed_by_a_discard() {
    let (host, mut seen) =
        host_with(|config| config.max_attempts(3), |_, _| ScriptedAction::EffectThenFail("still no printer")).await;

    let delivery = post(&host, "r").await;
    for attempt in 1..=3 {
        assert_eq!(next(&mut seen).await.attempt, attempt);
        eventually("the attempt is settled", || !is_in(&host, delivery, State::Running)).await;
        host.database.hurry();
    }

    eventually("it is discarded", || is_in(&host, delivery, State::Discarded)).await;
    let work = work_on(&host, delivery);
    assert_eq!((work.attempt, work.last_error.as_deref()), (3, Some("still no printer")));
    assert!(host.database.effects().is_empty());
    host.stop().await;
}
