use std::sync::Arc;

use mojito_schema::State;
use rocket_mojito::Person;
use tokio::sync::Notify;

use super::anna;
use crate::harness::{Body, Host, ScriptedAction, eventually, next};

// Shows F72.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_leaves_no_byte_and_does_not_come_back() {
    let (host, inbox, mut seen) = Host::scripted(|event, attempt| match (event.version(), attempt) {
        (Some(1), _) => ScriptedAction::Effect,
        _ => ScriptedAction::Fail("canary-error about canary-name"),
    })
    .await;
    let of_canary = |id: &str| {
        Body::result(id)
            .with("candidate_name", "canary-name")
            .with("candidate_email", "Canary@Example.com")
            .with("ai_analysis", "canary-analysis")
            .with("note", "canary-extra")
    };
    let first = of_canary("r").bytes();
    let second = of_canary("r").with("score", 9).bytes();
    // Later states of a second result do not name the person any more.
    let renamed = of_canary("renamed").bytes();
    let anonymous = Body::result("renamed").with("candidate_email", "other@example.com").bytes();
    let broken = br#"{"id": 7, "candidate_email": "canary@example.com", "candidate_name": "canary-name"}"#;
    host.post("interview_result", &first).await;
    let newest = host.post("interview_result", &second).await.delivery();
    host.post("interview_result", &renamed).await;
    host.post("interview_result", &anonymous).await;
    host.post("interview_result", broken).await;
    let bystander = host.post("interview_result", &Body::result("bystander").bytes()).await.delivery();
    for _ in 0..5 {
        next(&mut seen).await;
    }
    eventually("nothing runs", || host.database.work().iter().all(|work| work.state != State::Running)).await;

    let erased = inbox.erase(Person::Email("canary@example.com".into()), anna()).await.unwrap();
    let late_retry = host.post("interview_result", &first).await;
    let retry_of_newest = host.post("interview_result", &second).await;
    let new_state = host.post("interview_result", &of_canary("r").with("score", 1).bytes()).await;
    let broken_again = host.post("interview_result", broken).await;

    let audit = host.database.audit();
    assert_eq!((erased.results, erased.bodies), (2, 5));
    assert_eq!((late_retry.status, late_retry.delivery()), (200, newest));
    assert_eq!((retry_of_newest.delivery(), new_state.delivery()), (newest, newest));
    assert_eq!(broken_again.status, 200);
    assert_eq!(
        host.database.deliveries().iter().filter(|row| row.body.is_some()).map(|row| row.id).collect::<Vec<_>>(),
        [bystander]
    );
    assert_eq!(audit.last().unwrap().target, r#"{"by":"candidate_email"}"#);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_while_its_person_is_erased_has_no_effect() {
    let gate = Arc::new(Notify::new());
    let (host, inbox, mut seen) = Host::scripted({
        let gate = Arc::clone(&gate);
        move |event, _| match event.payload().id.as_str() {
            "r" => ScriptedAction::WaitThenEffect(Arc::clone(&gate)),
            _ => ScriptedAction::Effect,
        }
    })
    .await;
    host.post("interview_result", &Body::result("r").bytes()).await;
    next(&mut seen).await;

    inbox.erase(Person::ResultId("r".into()), anna()).await.unwrap();
    gate.notify_one();
    host.post("interview_result", &Body::result("other").bytes()).await;
    next(&mut seen).await;
    host.drained().await;

    assert!(host.database.effects().iter().all(|effect| effect.result_id == "other"));
    host.stop().await;
}
