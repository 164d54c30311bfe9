use std::net::SocketAddr;

use mojito_schema::State;

use super::{address, example, get, get_json};
use crate::harness::{Answer, Body, Process, Store, TestBackend, on_each_backend, post};

on_each_backend!(
    what_the_desk_gave_up_is_shown_noted_and_replayed,
    what_fails_is_shown_with_its_error_and_replayed_at_once,
    what_was_not_understood_is_shown_with_its_reason,
    a_replay_that_another_site_asks_for_is_refused,
    a_long_list_goes_on_behind_a_link,
    work_that_nobody_claims_degrades_the_desk,
);

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// Takes a table away that the desk files in, and gives it back.
const BREAK: &str = "ALTER TABLE application_events RENAME TO application_events_gone";
const MEND: &str = "ALTER TABLE application_events_gone RENAME TO application_events";

/// Presses the button of the page for one delivery.
async fn replay(desk: SocketAddr, delivery: i64, kind: &str, headers: &[(&str, &str)]) -> Answer {
    let handler = if kind == "quarantined" { "" } else { "&handler=HiringDesk" };
    let form = format!("delivery={delivery}&kind={kind}{handler}");
    post(desk, "/attention/replay", &[&[FORM], headers].concat(), form.as_bytes()).await
}

async fn wait_until<B: TestBackend>(store: &mut Store<B>, state: State) {
    store.wait_for_work(state.as_str(), |work| work.iter().all(|row| row.state == state)).await;
}

/// A desk that cannot file what is posted to it.
async fn broken<B: TestBackend>(
    store: &mut Store<B>,
    example: &crate::harness::Example,
    settings: &str,
) -> (Process, SocketAddr, i64) {
    let mut desk = example.spawn(&[("ROCKET_MOJITO", settings)]);
    let address = address(&mut desk).await;
    store.run(BREAK).await;
    let body = Body::result("ada").with("candidate_name", "Ada Example").bytes();
    let delivery = desk.post("interview_result", &body).await.unwrap().delivery();
    (desk, address, delivery)
}

async fn what_the_desk_gave_up_is_shown_noted_and_replayed<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let (_desk, address, delivery) = broken(&mut store, &example, "{max_attempts=1}").await;
    wait_until(&mut store, State::Discarded).await;
    let noted = "SELECT notice AS value FROM application_notices WHERE notice = 'not_filed'";
    store.wait_for_text(noted, "not_filed").await;

    let shown = get(address, "/attention").await;
    let health = get_json(address, "/health").await;
    store.run(MEND).await;
    let replayed = replay(address, delivery, "dead", &[]).await;
    wait_until(&mut store, State::Completed).await;
    let after = get(address, replayed.header("location").unwrap()).await;

    assert!(shown.body.contains("application_events") && shown.body.contains("Ada Example"), "{}", shown.body);
    assert!(shown.body.contains("attempt 1 of 1") && shown.body.contains("<form method=\"post\""), "{}", shown.body);
    assert_eq!((&health["status"], &health["discarded"]), (&"degraded".into(), &1.into()));
    assert_eq!(replayed.status, 303);
    assert!(after.body.contains("It waits for its handler again.") && !after.body.contains("Ada Example"));
    assert_eq!(get_json(address, "/health").await["status"], "ok");
    assert_eq!(example.filed::<B>().await, [(delivery, 1)].into());
    assert_eq!(store.audit().await[0].actor, "desk");
    let history = get(address, "/candidates/default?id=ada").await;
    assert!(history.body.contains("Could not be filed"), "{}", history.body);
}

async fn what_fails_is_shown_with_its_error_and_replayed_at_once<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let (_desk, address, delivery) = broken(&mut store, &example, "{}").await;
    wait_until(&mut store, State::Retryable).await;

    let shown = get(address, "/attention?kind=failing").await;
    store.run(MEND).await;
    let replayed = replay(address, delivery, "failing", &[("Sec-Fetch-Site", "same-origin")]).await;
    wait_until(&mut store, State::Completed).await;
    let again = replay(address, delivery, "failing", &[]).await;

    assert!(shown.body.contains("application_events") && shown.body.contains(", next <time"), "{}", shown.body);
    assert!(!shown.body.contains("Not understood"), "one kind alone was asked for");
    assert_eq!((replayed.status, again.status), (303, 303));
    assert!(again.header("location").unwrap().contains("done=nothing"), "what is done is not done again");
    assert_eq!(example.filed::<B>().await, [(delivery, 1)].into());
}

async fn what_was_not_understood_is_shown_with_its_reason<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let address = address(&mut desk).await;
    let delivery = desk.post("interview_result", b"{\"canary\":").await.unwrap().delivery();

    let shown = get(address, "/attention").await;
    let replayed = replay(address, delivery, "quarantined", &[]).await;
    let health = get_json(address, "/health").await;

    assert!(shown.body.contains(&format!("Delivery {delivery}")) && !shown.body.contains("canary"), "{}", shown.body);
    assert!(shown.body.contains("not_json") || shown.body.contains("not JSON"), "{}", shown.body);
    assert!(replayed.header("location").unwrap().contains("done=not_understood"));
    assert_eq!((&health["status"], &health["quarantined"]), (&"degraded".into(), &1.into()));
}

async fn a_replay_that_another_site_asks_for_is_refused<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.spawn(&[("DESK_PASSWORD", "pass")]);
    let address = address(&mut desk).await;
    let delivery = desk.post("interview_result", &Body::result("r").bytes()).await.unwrap().delivery();
    wait_until(&mut store, State::Completed).await;
    store.run("UPDATE mojito_work SET state = 'discarded'").await;
    let known = ("Authorization", "Basic ZGVzazpwYXNz");

    let stranger = replay(address, delivery, "dead", &[]).await.status;
    let mut refused = Vec::new();
    for header in [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "http://evil.example")]
    {
        refused.push(replay(address, delivery, "dead", &[known, header]).await.status);
    }
    let states: Vec<State> = store.work().await.iter().map(|work| work.state).collect();
    let own = replay(address, delivery, "dead", &[known, ("Sec-Fetch-Site", "same-origin")]).await.status;

    assert_eq!((stranger, refused), (401, vec![403; 3]));
    assert_eq!(states, [State::Discarded]);
    assert_eq!(own, 303);
}

async fn a_long_list_goes_on_behind_a_link<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let address = address(&mut desk).await;
    for number in 0..51 {
        desk.post("interview_result", format!("{number}?").as_bytes()).await.unwrap();
    }

    let first = get(address, "/attention").await.body;
    let link = first.split_once("<a href=\"/attention?kind=quarantined&").expect("a link").1.split('"').next().unwrap();
    let link = format!("/attention?kind=quarantined&{}", link.trim_start_matches("#38;").replace("amp;", ""));
    let second = get(address, &link).await.body;

    assert_eq!((first.matches("<form").count(), second.matches("<form").count()), (50, 1));
}

async fn work_that_nobody_claims_degrades_the_desk<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.spawn(&[("ROCKET_MOJITO", "{paused_handlers=[\"HiringDesk\"]}")]);
    let address = address(&mut desk).await;
    desk.post("interview_result", &Body::result("r").bytes()).await.unwrap();

    let young = get_json(address, "/health").await;
    store.run("UPDATE mojito_deliveries SET received_at = '2001-01-01 00:00:00.000000'").await;
    let old = get_json(address, "/health").await;

    assert_eq!((&young["status"], &young["waiting"], &young["overdue"]), (&"ok".into(), &1.into(), &0.into()));
    assert_eq!((&old["status"], &old["overdue"]), (&"degraded".into(), &1.into()));
}
