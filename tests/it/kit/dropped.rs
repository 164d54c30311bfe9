use rocket::local::asynchronous::Client;
use rocket_mojito::testing::TestInbox;
use rocket_mojito::{Event, EventKind};

use crate::harness::{AUTH, BASE, Host, Log, ScriptedAction, ScriptedHandler, in_time};

/// Everything that a host has started ends with its client, or else it would look for a database that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_dropped_stops_everything_and_says_nothing() {
    let log = Log::capture();
    let (script, mut seen) = ScriptedHandler::new(|_, _| ScriptedAction::Effect);
    let rocket = Host::builder().handler(script).build();
    let client = Client::untracked(rocket).await.unwrap();
    let body = Event::example(EventKind::InterviewResult).body();
    let request = client.post(format!("{BASE}/interview_result")).header(rocket::http::Header::new(AUTH.0, AUTH.1));
    assert_eq!(request.body(body).dispatch().await.status().code, 200);
    let attempt = in_time(seen.recv()).await;

    drop(client);
    let ended = in_time(seen.recv()).await;

    assert!(attempt.is_some());
    assert!(ended.is_none(), "no task has the handler any more");
    let errors: Vec<String> = log.lines().into_iter().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_that_is_dropped_stops_everything_and_says_nothing() {
    let log = Log::capture();
    let (script, mut seen) = ScriptedHandler::new(|_, _| ScriptedAction::Nothing);
    let inbox = TestInbox::try_new(Host::builder().handler(script).build()).await.unwrap();
    inbox.post(&Event::example(EventKind::InterviewResult)).await.unwrap();
    inbox.drain().await.unwrap();

    drop(inbox);

    assert!(in_time(seen.recv()).await.is_some());
    assert!(in_time(seen.recv()).await.is_none(), "no task has the handler any more");
    let errors: Vec<String> = log.lines().into_iter().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors, [""; 0]);
}
