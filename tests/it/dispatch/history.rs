use std::time::Duration;

use mojito_schema::{AttemptOutcome, State};

use super::{host_with, is_in};
use crate::harness::{Body, ScriptedAction, eventually, next};

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_delivery_tells_what_became_of_each_attempt() {
    let (host, mut seen) = host_with(
        |config| config.handler_timeout(Duration::from_secs(2)),
        |event, attempt| match (event.payload().id.as_str(), attempt) {
            ("given up", _) => ScriptedAction::Discard("no such office"),
            ("plain", _) | (_, 4) => ScriptedAction::Effect,
            (_, 1) => ScriptedAction::EffectThenFail("no printer"),
            (_, 2) => ScriptedAction::EffectThenPanic,
            _ => ScriptedAction::EffectThenHang,
        },
    )
    .await;
    let [bad, given_up, plain] = ["bad", "given up", "plain"].map(|id| Body::result(id).bytes());

    let bad = host.post("interview_result", &bad).await.delivery();
    for _ in 1..4 {
        next(&mut seen).await;
        eventually("the attempt is settled", || !is_in(&host, bad, State::Running)).await;
        host.database.hurry();
    }
    let given_up = host.post("interview_result", &given_up).await.delivery();
    let plain = host.post("interview_result", &plain).await.delivery();
    eventually("all is done", || host.database.work().iter().all(|work| work.finished_at.is_some())).await;

    let mut told = Vec::new();
    for delivery in [bad, given_up, plain] {
        for row in host.inbox.attempts(delivery).await.unwrap() {
            told.push((row.delivery_id, row.attempt, row.outcome, row.error));
        }
    }
    let text = |text: &str| Some(text.to_owned());
    let expected = [
        (bad, 1, AttemptOutcome::Failed, text("no printer")),
        (bad, 2, AttemptOutcome::Panicked, text("the handler panicked: as the test says")),
        (bad, 3, AttemptOutcome::TimedOut, text("the handler did not answer within 2 s")),
        (bad, 4, AttemptOutcome::Completed, None),
        (given_up, 1, AttemptOutcome::Discarded, text("no such office")),
    ];
    assert_eq!(told, expected);
    host.stop().await;
}
