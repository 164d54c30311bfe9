//! Handlers that want the latest version, and changes since the version that a handler has completed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::State;
use rocket_mojito::{Actor, Event, Field, Replay, Selection};
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{builder, host, is_in};
use crate::harness::{Body, Host, ObservedAttempt, ScriptedAction, ScriptedHandler, eventually, next, rounds, seed};

/// A body with the recruiter's decision.
fn decided(result: &str, score: i64, decision: Option<bool>) -> Body {
    Body::result(result).with("score", score).with("recruiter_go_next_round", json!(decision))
}

async fn post(host: &Host, body: &Body) -> i64 {
    host.post("interview_result", &body.bytes()).await.delivery()
}

// Shows O14.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_old_version_holds_up_nothing_and_hides_no_change() {
    let (script, mut seen) = ScriptedHandler::new(|event, _| match event.version() {
        Some(1) => ScriptedAction::Fail("a bad version"),
        _ => ScriptedAction::Effect,
    });
    let host = builder().handler(script.wanting_latest()).start().await;

    let bad = post(&host, &decided("r", 1, Some(true))).await;
    next(&mut seen).await;
    eventually("the bad one waits", || is_in(&host, bad, State::Retryable)).await;
    let good = post(&host, &decided("r", 2, Some(true))).await;
    let second = next(&mut seen).await;
    eventually("the good one is completed", || is_in(&host, good, State::Completed)).await;
    post(&host, &decided("r", 3, Some(true))).await;
    let third = next(&mut seen).await;

    assert!(is_in(&host, bad, State::Skipped));
    assert!(second.changes.contains(&Field::RecruiterGoNextRound), "the decision came with the bad one");
    assert!(second.changes.contains(&Field::CandidateName), "the handler has seen nothing of it yet");
    assert_eq!((second.version, second.previous_score), (Some(2), None));
    assert_eq!((third.changes, third.previous_score.as_deref()), (vec![Field::Score], Some("2")));
    host.stop().await;
}

// Shows O16.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_discarded_hides_no_change() {
    let (host, mut seen) = host(|event, _| match event.version() {
        Some(2 | 4) => ScriptedAction::Discard("never"),
        _ => ScriptedAction::Effect,
    })
    .await;

    post(&host, &decided("r", 1, None)).await;
    post(&host, &decided("r", 1, Some(true))).await;
    let third = post(&host, &decided("r", 3, Some(true))).await;
    eventually("the third is completed", || is_in(&host, third, State::Completed)).await;
    // Changed, and changed back.
    post(&host, &decided("r", 3, Some(false))).await;
    post(&host, &decided("r", 5, Some(true))).await;

    let mut told = Vec::new();
    for _ in 0..5 {
        let attempt = next(&mut seen).await;
        told.push((attempt.changes, attempt.previous_score));
    }
    let score = |score: &str| Some(score.to_owned());
    assert_eq!(told[1], (vec![Field::RecruiterGoNextRound], score("1")));
    assert_eq!(told[2], (vec![Field::Score, Field::RecruiterGoNextRound], score("1")));
    assert_eq!(told[3], (vec![Field::RecruiterGoNextRound], score("3")));
    assert_eq!(told[4], (vec![Field::Score], score("3")));
    host.stop().await;
}

// Shows O16.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_former_body_is_gone_every_change_since_is_told() {
    let (host, mut seen) = host(|event, _| match event.version() {
        Some(2) => ScriptedAction::Discard("never"),
        _ => ScriptedAction::Effect,
    })
    .await;

    let first = post(&host, &decided("r", 1, Some(true))).await;
    eventually("the first is completed", || is_in(&host, first, State::Completed)).await;
    host.database.run("UPDATE mojito_deliveries SET body = NULL");
    post(&host, &decided("r", 1, Some(false))).await;
    post(&host, &decided("r", 3, Some(true))).await;
    next(&mut seen).await;
    let (second, third) = (next(&mut seen).await, next(&mut seen).await);

    assert_eq!(second.changes, [Field::RecruiterGoNextRound], "those since the version just before");
    assert_eq!(third.changes, [Field::Score, Field::RecruiterGoNextRound], "none is hidden");
    assert_eq!(third.previous_score, None);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_once_it_is_overtaken_is_skipped_and_nobody_is_told_that_it_failed_for_good() {
    let gate = Arc::new(Notify::new());
    let (script, mut seen) = ScriptedHandler::new({
        let gate = Arc::clone(&gate);
        move |event, _| match event.version() {
            Some(1) => ScriptedAction::WaitThenDiscard(Arc::clone(&gate), "never"),
            _ => ScriptedAction::Effect,
        }
    });
    let host = builder().handler(script.wanting_latest()).start().await;

    let first = post(&host, &decided("r", 1, None)).await;
    next(&mut seen).await;
    let second = post(&host, &decided("r", 2, None)).await;
    let is_passed_over = is_in(&host, first, State::Running) && is_in(&host, second, State::Pending);
    gate.notify_one();
    eventually("the second is completed", || is_in(&host, second, State::Completed)).await;

    assert!(is_passed_over);
    assert!(is_in(&host, first, State::Skipped));
    let owed = host.database.texts("SELECT 'owed' AS value FROM mojito_work WHERE hook_due_at IS NOT NULL");
    assert_eq!(owed, [""; 0]);
    let history = host.database.texts("SELECT outcome AS value FROM mojito_attempts");
    assert_eq!(history, ["discarded"]);
    let backlog = host.inbox.backlog().await.unwrap();
    assert_eq!((backlog.discarded, backlog.waiting), (0, 0));
    host.stop().await;
}

/// The decision of a handler of the random test: the same for the same attempt.
fn decide(seed: u64, name: &'static str) -> impl Fn(&Event, i32) -> ScriptedAction + Send + Sync + 'static {
    move |event, attempt| action(seed, name, event.delivery_id(), attempt)
}

fn action(seed: u64, name: &str, delivery: i64, attempt: i32) -> ScriptedAction {
    let mut random = Rng::with_seed(seed ^ (delivery as u64) << 20 ^ (attempt as u64) << 8 ^ name.len() as u64);
    match random.u8(0..10) {
        0..6 => ScriptedAction::Effect,
        6..8 => ScriptedAction::RetryIn(Duration::ZERO),
        _ => ScriptedAction::Discard("no"),
    }
}

const HANDLERS: [&str; 2] = ["Every", "Latest"];

/// The score and the decision of each posted delivery.
type Posted = HashMap<i64, (Option<i64>, Option<bool>)>;

/// Deliveries about a few results, while handlers are paused and resumed. Gives back what was posted.
async fn post_at_random(host: &Host, random: &mut Rng) -> Posted {
    let mut posted = Posted::new();
    for _ in 0..60 {
        let result = format!("r-{}", random.u8(0..4));
        let (score, decision) = (random.i64(0..3), *random.choice(&[None, Some(true), Some(false)]).unwrap());
        if random.u8(0..8) == 0 {
            let body = Body::collected(&result).with("candidate_external_id", random.u64(..).to_string());
            let delivery = host.post("interview_collected", &body.bytes()).await.delivery();
            posted.insert(delivery, (None, None));
        } else {
            posted.insert(post(host, &decided(&result, score, decision)).await, (Some(score), decision));
        }
        let name = *random.choice(&HANDLERS).unwrap();
        match random.u8(0..6) {
            0 => drop(host.inbox.pause_handler(name, Actor::new("anna")).await.unwrap()),
            1 => drop(host.inbox.resume_handler(name, Actor::new("anna")).await.unwrap()),
            _ => {}
        }
    }
    for name in HANDLERS {
        host.inbox.resume_handler(name, Actor::new("anna")).await.unwrap();
    }
    posted
}

/// The attempts whose changes or former score are not those since the version that the handler had completed.
fn wrongly_told(seed: u64, name: &str, attempts: &[ObservedAttempt], posted: &Posted) -> Vec<String> {
    let mut completed: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for attempt in attempts {
        let Some(version) = attempt.version else {
            if !attempt.changes.is_empty() || attempt.previous_score.is_some() {
                wrong.push(format!("{attempt:?}"));
            }
            continue;
        };
        let result = attempt.result.as_str();
        let former = completed.range((result, 0)..(result, version)).next_back().map(|(_, delivery)| posted[delivery]);
        let (now, then) = (posted[&attempt.delivery], former.unwrap_or_default());
        let told = [Field::Score, Field::RecruiterGoNextRound].map(|field| attempt.changes.contains(&field));
        let score = then.0.map(|score| score.to_string());
        if told != [now.0 != then.0, now.1 != then.1] || attempt.previous_score != score {
            wrong.push(format!("{attempt:?} after {former:?}"));
        }
        if matches!(action(seed, name, attempt.delivery, attempt.attempt), ScriptedAction::Effect) {
            completed.insert((result, version), attempt.delivery);
        }
    }
    wrong
}

/// Checks that completed work has an effect. Work is skipped only where the handler wants the latest, and has work of a
/// newer version.
fn assert_sound(host: &Host) {
    let effects = host.database.effects();
    let versions: HashMap<i64, Option<i64>> =
        host.database.deliveries().iter().map(|row| (row.id, row.version)).collect();
    let work = host.database.work();
    for row in &work {
        let count = effects.iter().filter(|of| of.delivery_id == row.delivery_id && of.handler == row.handler).count();
        assert!(count > 0 || row.state != State::Completed, "{row:?}");
        let line = work
            .iter()
            .filter(|other| (other.first_delivery_id, &other.handler) == (row.first_delivery_id, &row.handler));
        let newest = line.filter_map(|other| versions[&other.delivery_id]).max();
        let is_overtaken = row.handler == "Latest" && versions[&row.delivery_id].is_some_and(|of| Some(of) < newest);
        assert!(row.state != State::Skipped || is_overtaken, "{row:?}");
    }
}

fn observed(seen: &mut UnboundedReceiver<ObservedAttempt>) -> Vec<ObservedAttempt> {
    std::iter::from_fn(|| seen.try_recv().ok()).collect()
}

// Shows O15.
#[tokio::test(flavor = "multi_thread")]
async fn at_random_every_change_is_told_every_effect_is_there_and_every_replay_runs() {
    for seed in std::iter::successors(Some(seed()), |seed| Some(seed + 1)).take(rounds(2, 50) as usize) {
        let mut random = Rng::with_seed(seed);
        let (every, mut every_seen) = ScriptedHandler::named(HANDLERS[0], decide(seed, HANDLERS[0]));
        let (latest, mut latest_seen) = ScriptedHandler::named(HANDLERS[1], decide(seed, HANDLERS[1]));
        let host = builder().handler(every.taking_late()).handler(latest.taking_late().wanting_latest()).start().await;

        let posted = post_at_random(&host, &mut random).await;
        host.drained().await;

        let effects = host.database.effects();
        let work = host.database.work();
        assert_sound(&host);
        assert_eq!(effects.len(), work.iter().filter(|row| row.state == State::Completed).count(), "seed {seed}");
        assert!(work.iter().any(|row| row.state == State::Skipped), "seed {seed}: something was overtaken");
        for (name, seen) in HANDLERS.into_iter().zip([&mut every_seen, &mut latest_seen]) {
            assert_eq!(wrongly_told(seed, name, &observed(seen), &posted), [""; 0], "seed {seed}");
        }

        let mut replayed: Vec<i64> = posted.keys().copied().collect();
        random.shuffle(&mut replayed);
        replayed.truncate(12);
        for delivery in &replayed {
            host.inbox.replay(Replay::new(Selection::delivery(*delivery)), Actor::new("anna")).await.unwrap();
        }
        host.drained().await;

        assert_sound(&host);
        for seen in [&mut every_seen, &mut latest_seen] {
            let observed = observed(seen);
            let has_run = |delivery: &&i64| observed.iter().any(|attempt| attempt.delivery == **delivery);
            assert_eq!(replayed.iter().find(|delivery| !has_run(delivery)), None, "seed {seed}");
        }
        host.stop().await;
    }
}
