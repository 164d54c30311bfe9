use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mojito_schema::State;
use rocket_mojito::{Actor, Replay, Selection, Standing};
use tokio::sync::Notify;

use super::{builder, host, host_with, is_in};
use crate::harness::{Body, ScriptedAction, ScriptedHandler, eventually, next};

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_delivery_holds_up_its_successors_and_nobody_else() {
    let (host, mut seen) = host(|event, attempt| match (event.payload().id.as_str(), event.version(), attempt) {
        ("held", Some(1), 1) => ScriptedAction::Fail("not yet"),
        _ => ScriptedAction::Effect,
    })
    .await;

    let first = host.post("interview_result", &Body::result("held").bytes()).await.delivery();
    next(&mut seen).await;
    eventually("the first waits", || is_in(&host, first, State::Retryable)).await;
    let second = host.post("interview_result", &Body::result("held").with("score", 1).bytes()).await.delivery();
    let other = host.post("interview_result", &Body::result("other").bytes()).await.delivery();
    eventually("the other is completed", || is_in(&host, other, State::Completed)).await;
    let second_meanwhile = is_in(&host, second, State::Pending);
    // Only the first: the second is due anyway.
    host.database.run(&format!("UPDATE mojito_work SET due_at = datetime('now') WHERE delivery_id = {first}"));
    eventually("the second is completed", || is_in(&host, second, State::Completed)).await;

    let order: Vec<i64> = host.database.effects().iter().map(|effect| effect.delivery_id).collect();
    assert!(second_meanwhile, "the second did not wait for the first");
    assert_eq!(order, [other, first, second]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_delivery_lets_its_successors_pass() {
    let (host, _seen) = host(|event, _| match event.version() {
        Some(1) => ScriptedAction::Discard("never"),
        _ => ScriptedAction::Effect,
    })
    .await;

    host.post("interview_result", &Body::result("r").bytes()).await;
    let second = host.post("interview_result", &Body::result("r").with("score", 1).bytes()).await.delivery();

    eventually("the second is completed", || is_in(&host, second, State::Completed)).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_one_result_come_in_order_and_one_at_a_time() {
    const RESULTS: usize = 5;
    const VERSIONS: usize = 12;
    let running: Arc<[AtomicUsize; RESULTS]> = Arc::default();
    let overlaps = Arc::new(AtomicUsize::new(0));
    let (host, mut seen) = host_with(|config| config.handler_concurrency(8), {
        let (running, overlaps) = (Arc::clone(&running), Arc::clone(&overlaps));
        move |event, _| {
            let result: usize = event.payload().id.parse().unwrap();
            if running[result].fetch_add(1, Ordering::SeqCst) > 0 {
                overlaps.fetch_add(1, Ordering::SeqCst);
            }
            std::thread::yield_now();
            running[result].fetch_sub(1, Ordering::SeqCst);
            ScriptedAction::Effect
        }
    })
    .await;

    for version in 0..VERSIONS {
        for result in 0..RESULTS {
            let body = Body::result(&result.to_string()).with("score", version);
            host.post("interview_result", &body.bytes()).await;
        }
    }
    for _ in 0..RESULTS * VERSIONS {
        next(&mut seen).await;
    }
    eventually("all is done", || host.database.work().iter().all(|work| work.state == State::Completed)).await;

    let effects = host.database.effects();
    for result in 0..RESULTS {
        let versions: Vec<i64> = effects
            .iter()
            .filter(|effect| effect.result_id == result.to_string())
            .filter_map(|effect| effect.version)
            .collect();
        assert_eq!(versions, (1..=VERSIONS as i64).collect::<Vec<_>>(), "result {result}");
    }
    assert_eq!(overlaps.load(Ordering::SeqCst), 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_attempts_run_at_once_than_are_allowed() {
    let gate = Arc::new(Notify::new());
    let (host, mut seen) = host_with(|config| config.handler_concurrency(2), {
        let gate = Arc::clone(&gate);
        move |_, _| ScriptedAction::Wait(Arc::clone(&gate))
    })
    .await;

    for result in 0..5 {
        host.post("interview_result", &Body::result(&result.to_string()).bytes()).await;
    }
    next(&mut seen).await;
    next(&mut seen).await;
    let running =
        |host: &crate::harness::Host| host.database.work().iter().filter(|work| work.state == State::Running).count();
    let most = running(&host);
    eventually("all is done", || {
        gate.notify_one();
        host.database.work().iter().all(|work| work.state == State::Completed)
    })
    .await;

    assert_eq!(most, 2);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_handler_has_its_own_work_and_its_own_fate() {
    let (steady, _) = ScriptedHandler::named("Steady", |_, _| ScriptedAction::Effect);
    let (broken, _) = ScriptedHandler::named("Broken", |_, _| ScriptedAction::Discard("broken"));
    let host = builder().handler(steady).handler(broken).start().await;

    host.post("interview_result", &Body::result("r").bytes()).await;

    eventually("both are done", || host.database.work().iter().all(|work| work.finished_at.is_some())).await;
    let states: Vec<_> = host.database.work().into_iter().map(|work| (work.handler, work.state)).collect();
    assert_eq!(states, [("Broken".to_owned(), State::Discarded), ("Steady".to_owned(), State::Completed)]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_delivery_reaches_only_those_that_want_it() {
    let (plain, _) = ScriptedHandler::named("Plain", |_, _| ScriptedAction::Effect);
    let (thorough, mut seen) = ScriptedHandler::named("Thorough", |_, _| ScriptedAction::Effect);
    let host = builder().handler(plain).handler(thorough.taking_late()).start().await;

    host.post("interview_result", &Body::result("r").bytes()).await;
    let late = host.post("interview_collected", &Body::collected("r").bytes()).await.delivery();
    next(&mut seen).await;
    let told = next(&mut seen).await;

    let work = host.database.work();
    assert_eq!((told.delivery, told.standing, told.version), (late, Standing::Late, None));
    assert_eq!(work.iter().filter(|work| work.delivery_id == late).count(), 1);
    host.stop().await;
}

// Shows M01.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_replayed_waits_for_what_runs() {
    let gate = Arc::new(Notify::new());
    let (host, mut seen) = host({
        let gate = Arc::clone(&gate);
        move |event, _| match (event.payload().id.as_str(), event.version()) {
            ("r", Some(2)) => ScriptedAction::WaitThenEffect(Arc::clone(&gate)),
            _ => ScriptedAction::Effect,
        }
    })
    .await;
    let first = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    next(&mut seen).await;
    eventually("the first is completed", || is_in(&host, first, State::Completed)).await;
    let second = host.post("interview_result", &Body::result("r").with("score", 1).bytes()).await.delivery();
    next(&mut seen).await;

    host.inbox.replay(Replay::new(Selection::delivery(first)), Actor::new("anna")).await.unwrap();
    let other = host.post("interview_result", &Body::result("other").bytes()).await.delivery();
    eventually("the other is completed", || is_in(&host, other, State::Completed)).await;
    let is_waiting = is_in(&host, first, State::Pending) && is_in(&host, second, State::Running);
    gate.notify_one();
    eventually("the first is completed again", || is_in(&host, first, State::Completed)).await;

    let order: Vec<i64> = host.database.effects().iter().map(|effect| effect.delivery_id).collect();
    assert!(is_waiting, "the first ran beside the second");
    assert_eq!(order, [first, other, second, first]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_has_lost_its_first_goes_on() {
    let (host, mut seen) = host(|_, _| ScriptedAction::Effect).await;
    host.inbox.pause_handler("Script", Actor::new("anna")).await.unwrap();
    let delivery = host.post("interview_result", &Body::result("r").bytes()).await.delivery();
    host.database.run("UPDATE mojito_work SET is_first = 0");

    host.inbox.resume_handler("Script", Actor::new("anna")).await.unwrap();

    next(&mut seen).await;
    eventually("it is completed", || is_in(&host, delivery, State::Completed)).await;
    host.stop().await;
}
