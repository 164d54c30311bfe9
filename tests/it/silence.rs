//! Nothing that needs a person is silent, and no line holds anything of a candidate.

use std::sync::Arc;

use mojito_schema::State;
use rocket_mojito::Event;

use crate::harness::{Body, Database, Host, Log, Process, ScriptedAction, ScriptedHandler, eventually, found};

const CANARY: &str = "canary";

/// The log lines of a host about its handler, until it is told to stop. The handler does as the result's id says.
async fn said(results: &[&str]) -> Vec<String> {
    let log = Log::capture();
    let (host, _inbox, _seen) = Host::scripted(act).await;
    for result in results {
        host.post("interview_result", &Body::result(result).with("candidate_name", CANARY).bytes()).await;
    }
    let is_tried = |work: &mojito_schema::WorkRow| work.state != State::Pending && work.state != State::Running;
    eventually("every handler has tried", || {
        let work = host.database.work();
        work.len() == results.len() && work.iter().all(is_tried)
    })
    .await;
    host.stop().await;
    let lines = log.lines();
    assert!(!lines.iter().any(|line| line.contains(CANARY)), "{lines:#?}");
    lines
}

fn act(event: &Event, attempt: i32) -> ScriptedAction {
    match (event.payload().id.as_str(), attempt) {
        (id, _) if id.starts_with("fails") => ScriptedAction::Fail(CANARY),
        (id, _) if id.starts_with("gives up") => ScriptedAction::Discard(CANARY),
        (id, _) if id.starts_with("panics") => ScriptedAction::EffectThenPanic,
        (id, 1) if id.starts_with("recovers") => ScriptedAction::Fail(CANARY),
        _ => ScriptedAction::Effect,
    }
}

/// The lines that hold a text.
fn with<'l>(lines: &'l [String], text: &str) -> Vec<&'l str> {
    lines.iter().map(String::as_str).filter(|line| line.contains(text)).collect()
}

// Shows M29.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_is_named_once_with_a_count_and_without_its_error() {
    let lines = said(&["fails-1", "fails-2", "panics-3"]).await;

    let failed = with(&lines, "an attempt failed");
    assert!(failed[0].starts_with("WARN") && failed[0].contains("handler=\"Script\""), "{failed:?}");
    assert!(failed[0].contains("outcome=\"failed\"") || failed[0].contains("outcome=\"panicked\""), "{failed:?}");
    assert!(failed[0].contains("delivery=") && failed[0].contains("attempt=1"), "{failed:?}");
    assert_eq!(failed.len(), 2, "the first, and the rest at the end: {failed:?}");
    assert_eq!(Log::told(failed, "an attempt failed"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_says_so_and_leaves_its_message_to_the_operator() {
    let log = Log::capture();
    let (host, _inbox, _seen) = Host::scripted(|_, _| ScriptedAction::EffectThenPanic).await;

    host.post("interview_result", &Body::result("r").bytes()).await;

    let error = found("an error", || host.database.work().first().and_then(|work| work.last_error.clone())).await;
    host.stop().await;
    assert_eq!(error, "the handler panicked: as the test says");
    let lines = log.lines();
    assert!(with(&lines, "an attempt failed")[0].contains("outcome=\"panicked\""), "{lines:#?}");
    assert_eq!(with(&lines, "as the test says"), [""; 0]);
}

// Shows M29.
#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_given_up_is_an_error_by_its_delivery() {
    let lines = said(&["gives up"]).await;

    let discarded = with(&lines, "work was discarded");
    assert!(discarded[0].starts_with("ERROR") && discarded[0].contains("delivery=1"), "{lines:#?}");
    assert!(discarded[0].contains("handler=\"Script\""), "{discarded:?}");
    assert_eq!(with(&lines, "an attempt failed"), [""; 0], "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_attempt_that_fails_is_said_to_be_over() {
    let log = Log::capture();
    let (script, _seen) = ScriptedHandler::new(|_, _| ScriptedAction::Fail(CANARY));
    let database = Arc::new(Database::with_effects());
    let host = Host::builder().database(&database).config(|config| config.max_attempts(1)).handler(script);
    let host = host.start().await;

    host.post("interview_result", &Body::result("r").bytes()).await;
    host.drained().await;

    host.stop().await;
    let lines = log.lines();
    assert_eq!(with(&lines, "work was discarded").len(), 1, "{lines:#?}");
    assert_eq!(with(&lines, "an attempt failed"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_again_is_said() {
    let log = Log::capture();
    let (host, _inbox, _seen) = Host::scripted(act).await;

    host.post("interview_result", &Body::result("recovers").bytes()).await;
    eventually("it has failed", || host.database.work().iter().any(|work| work.last_error.is_some())).await;
    eventually("it is said", || !with(&log.lines(), "an attempt failed").is_empty()).await;
    host.database.hurry();
    host.drained().await;

    eventually("it is said", || with(&log.lines(), "recovered").len() == 1).await;
    let lines = log.lines();
    assert!(with(&lines, "recovered")[0].contains("handler=\"Script\""), "{lines:#?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_is_named() {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).handlers("effects:pending").setting("handler_timeout", 1);
    let mut host = host.log_level("critical").start().await;

    host.post("interview_result", &Body::result("r").with("candidate_name", CANARY).bytes()).await.unwrap();

    let line =
        found("a line", || host.log().lines().find(|line| line.contains("an attempt failed")).map(str::to_owned)).await;
    assert!(line.contains("outcome=\"timed_out\"") && line.contains("handler=\"effects\""), "{line}");
    host.stop().await;
    assert!(!host.log().contains("did not answer within") && !host.log().contains(CANARY), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_is_said_with_endpoint_and_delivery_once_for_its_repeats() {
    let log = Log::capture();
    let (host, _inbox, _seen) = Host::scripted(act).await;

    for _ in 0..3 {
        host.post("interview_result", CANARY.as_bytes()).await;
    }

    host.stop().await;
    let lines = log.lines();
    let quarantined = with(&lines, "a delivery was quarantined");
    assert_eq!(quarantined.len(), 1, "{lines:#?}");
    assert!(quarantined[0].contains("endpoint=\"default\" delivery=1"), "{quarantined:?}");
    assert_eq!(with(&lines, CANARY), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_that_works_again_is_said() {
    let log = Log::capture();
    let (host, _inbox, _seen) = Host::scripted(act).await;
    host.database
        .run("CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries BEGIN SELECT RAISE(ABORT, 'canary'); END");

    let refused = host.post("interview_result", &Body::result("r-1").bytes()).await;
    host.database.run("DROP TRIGGER refuse");
    let taken = host.post("interview_result", &Body::result("r-1").bytes()).await;

    assert_eq!((refused.status, taken.status), (503, 200));
    host.stop().await;
    let lines = log.lines();
    let order = ["a batch was not recorded", "a delivery was refused", "recovered: deliveries are recorded again"];
    let at =
        |text: &str| lines.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:#?}"));
    assert!(order.map(at).is_sorted(), "{lines:#?}");
    assert_eq!(with(&lines, CANARY), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_former_processes_have_left_is_said_at_launch() {
    let database = Arc::new(Database::with_effects());
    let (gone, _seen) = ScriptedHandler::named("Gone", |_, _| ScriptedAction::Fail(CANARY));
    let (desk, _seen_too) = ScriptedHandler::named("Desk", |_, _| ScriptedAction::Discard(CANARY));
    let former = Host::builder().database(&database).handler(gone).handler(desk).start().await;
    former.post("interview_result", &Body::result("r").bytes()).await;
    former.post("interview_result", CANARY.as_bytes()).await;
    eventually("both have tried", || database.work().iter().all(|work| work.last_error.is_some())).await;
    former.stop().await;
    database.run("UPDATE mojito_handlers SET last_seen = '2001-01-01 00:00:00.000000'");

    let log = Log::capture();
    let host = Host::builder().database(&database).start().await;
    // Two tasks say it, in either order.
    let said = |text: &str| !with(&log.lines(), text).is_empty();
    eventually("it is said", || said("handler=\"Gone\"") && said("something waits for you")).await;

    let lines = log.lines();
    let [left] = &with(&lines, "something waits for you")[..] else { panic!("{lines:#?}") };
    assert!(left.starts_with("WARN") && left.contains("discarded=1 quarantined=1 unattached=1"), "{left}");
    let [waits] = &with(&lines, "handler=\"Gone\"")[..] else { panic!("{lines:#?}") };
    assert!(waits.contains("handler=\"Gone\" delivery=1 count=1"), "{waits}");
    assert_eq!(with(&lines, CANARY), [""; 0]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_finds_nothing_left_says_nothing() {
    let log = Log::capture();
    let (host, inbox, _seen) = Host::scripted(act).await;

    host.post("interview_result", &Body::result("r").bytes()).await;
    host.drained().await;
    inbox.backlog().await.unwrap();

    host.stop().await;
    let lines = log.lines();
    assert!(lines.iter().all(|line| !line.starts_with("WARN") && !line.starts_with("ERROR")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hears_nothing_is_named_where_that_is_asked_for() {
    let log = Log::capture();
    let host = Host::builder().config(|config| config.silence_alert(48)).start().await;
    eventually("it is said", || !with(&log.lines(), "nothing was received").is_empty()).await;

    host.post("interview_result", &Body::result("r").bytes()).await;

    host.stop().await;
    let lines = log.lines();
    let [silent] = &with(&lines, "nothing was received")[..] else { panic!("{lines:#?}") };
    assert!(silent.contains("endpoint=\"default\"") && silent.contains("hours=48"), "{silent}");
    assert_eq!(with(&lines, "recovered: deliveries come to the endpoint again").len(), 1, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_waits_for_an_hour_behind_one_that_fails_is_named_at_launch() {
    let database = Arc::new(Database::with_effects());
    let desk = || ScriptedHandler::named("Desk", |_, _| ScriptedAction::Fail(CANARY));
    let former = Host::builder().database(&database).handler(desk().0).start().await;
    former.post("interview_result", &Body::result("r").bytes()).await;
    eventually("it has failed", || database.work().iter().any(|work| work.last_error.is_some())).await;
    let behind = former.post("interview_result", &Body::result("r").with("score", 5).bytes()).await.delivery();
    former.stop().await;
    database.run("UPDATE mojito_deliveries SET received_at = '2001-01-01 00:00:00'");

    let log = Log::capture();
    let host = Host::builder().database(&database).handler(desk().0).start().await;

    eventually("it is said", || !with(&log.lines(), "a line has waited for an hour").is_empty()).await;
    let lines = log.lines();
    let expected = format!("handler=\"Desk\" delivery={behind} count=1");
    assert!(with(&lines, "a line has waited for an hour")[0].contains(&expected), "{lines:#?}");
    host.stop().await;
}
