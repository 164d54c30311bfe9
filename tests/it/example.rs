//! The example application, as a process of its own, seen from outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::State;
use rustix::process::Signal;
use serde_json::Value;

use crate::checkout::Checkout;
use crate::harness::{
    Answer, Body, Connection, Database, Load, Process, SECRET, drained, eventually, in_time, request, rounds, seed,
};

/// The desk with the secret of the tests.
async fn desk(database: &Database) -> (Process, SocketAddr) {
    let mut desk = Process::example(database, &[("MOJITO_SECRET", SECRET)]);
    let address = desk.lifted().await.expect("the desk listens");
    (desk, address)
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut connection = Connection::open(address).await;
    connection.send(&request("GET", path, &[("Accept", "text/html")], b"")).await;
    in_time(connection.answer()).await.expect("an answer")
}

async fn get_json(address: SocketAddr, path: &str) -> Value {
    serde_json::from_str(&get(address, path).await.body).expect("JSON")
}

/// How often the desk has handled each delivery.
fn handled(database: &Database) -> BTreeMap<i64, usize> {
    let mut handled = BTreeMap::new();
    for id in database.texts("SELECT CAST(delivery_id AS TEXT) AS value FROM application_events") {
        *handled.entry(id.parse().unwrap()).or_default() += 1;
    }
    handled
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_is_seen_on_the_page_and_as_data() {
    let database = Database::new();
    let (mut desk, address) = desk(&database).await;

    let ada = |body: Body| body.with("candidate_name", "Ada <b>Example</b>").bytes();
    desk.post("interview_collected", &ada(Body::collected("ada"))).await.unwrap();
    desk.post("interview_result", &ada(Body::result("ada").with("score", 4.212))).await.unwrap();
    let decided = Body::result("ada").with("score", 4.212).with("recruiter_go_next_round", true);
    desk.post("interview_result", &ada(decided)).await.unwrap();
    desk.post("interview_failed", &Body::failed("bob").with("candidate_name", "Bob Example").bytes()).await.unwrap();
    drained(&database).await;

    let page = get(address, "/").await;
    let candidate = get(address, "/candidates/default?id=ada").await;
    let candidates = get_json(address, "/candidates.json").await;
    let newest = get_json(address, "/candidates.json?limit=1").await;
    let health = get(address, "/health").await;
    assert_eq!((page.status, candidate.status, health.status), (200, 200, 200));
    assert!(page.body.contains("Bob Example") && page.body.contains("Ada &#60;b&#62;Example"), "{}", page.body);
    assert!(candidate.body.contains("4.212"), "{}", candidate.body);
    assert_eq!(candidates.as_array().unwrap().len(), 2);
    assert_eq!(newest.as_array().unwrap().len(), 1);
    let ada = &candidates[1];
    assert_eq!((&ada["result_id"], &ada["event"]), (&"ada".into(), &"interview_result".into()));
    assert_eq!((&ada["version"], &ada["recruiter_go_next_round"]), (&3.into(), &true.into()));
    assert_eq!((&ada["candidate_name"], &ada["score"]), (&"Ada <b>Example</b>".into(), &4.212.into()));
    assert_eq!(handled(&database), (1..=4).map(|id| (id, 1)).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_told_when_something_has_come() {
    let database = Database::new();
    let (mut desk, address) = desk(&database).await;
    let mut page = Connection::open(address).await;
    page.send(&request("GET", "/events", &[], b"")).await;
    let next_event = async |page: &mut Connection| loop {
        let line = in_time(page.line()).await.expect("the stream goes on");
        if line.starts_with("data:") {
            return line;
        }
    };

    let before = next_event(&mut page).await;
    desk.post("interview_result", &Body::result("r").bytes()).await.unwrap();
    let after = next_event(&mut page).await;

    assert_ne!(before, after);
    assert!(!after.contains("Test Person"), "the event itself says nothing of anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_is_told_to_stop_ends_well_with_a_page_open() {
    let database = Database::new();
    let (mut desk, address) = desk(&database).await;
    let mut page = Connection::open(address).await;
    page.send(&request("GET", "/events", &[], b"")).await;
    in_time(page.line()).await.expect("the stream has begun");

    desk.signal(Signal::TERM);
    let status = desk.ended().await;

    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_refuses_to_be_open_to_the_world_without_a_password() {
    let database = Database::new();
    let mut desk = Process::example(&database, &[("MOJITO_SECRET", SECRET), ("ROCKET_ADDRESS", "0.0.0.0")]);

    let status = desk.ended().await;

    assert!(!status.success());
    assert!(desk.log().contains("DESK_PASSWORD"), "{}", desk.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_the_desk_keeps_every_acknowledged_delivery_and_files_it_once() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::new());
    let load = Load::start(&mut random, Duration::from_millis(20));

    let (kills, mut hits) = (rounds(6, 60), 0);
    for _ in 0..kills {
        let (mut desk, address) = desk(&database).await;
        load.post_to(&[address]);
        tokio::time::sleep(Duration::from_millis(random.u64(200..1200))).await;
        hits += u32::from(load.in_flight() > 0);
        desk.kill();
        load.post_to(&[]);
    }
    let (_desk, address) = desk(&database).await;
    load.post_to(&[address]);
    let ledger = load.stop().await;
    eventually("all is filed", || database.work().iter().all(|work| work.state == State::Completed)).await;

    let stored: BTreeMap<i64, Vec<u8>> =
        database.deliveries().into_iter().map(|row| (row.id, row.body.unwrap())).collect();
    let sent = ledger.sent();
    for delivery in &sent {
        if let Some(id) = delivery.acknowledged() {
            assert_eq!(stored.get(&id), Some(&delivery.body), "delivery {id} was acknowledged");
        }
    }
    assert!(stored.values().all(|body| sent.iter().any(|delivery| delivery.body == *body)), "nothing was made up");
    let current = database.work().into_iter().map(|work| (work.delivery_id, 1)).collect::<BTreeMap<i64, usize>>();
    assert_eq!(handled(&database), current, "each is filed once");
    assert_eq!(database.texts("SELECT integrity_check AS value FROM pragma_integrity_check"), ["ok"]);
    let tally = ledger.tally();
    println!("{kills} kills, {hits} with requests in flight, {} deliveries, {tally:?}", stored.len());
    assert!(hits > 0 && tally.acknowledged * 10 >= tally.posts * 3, "the kills or the load missed: {tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_readme_print_what_it_says() {
    let database = Database::new();
    let mut desk = Process::example(&database, &[]);
    let address = desk.lifted().await.unwrap().to_string();

    let readme = Checkout::read("README.md");
    let blocks = blocks(&readme);

    assert!(blocks.len() >= 4, "the README shows what to paste");
    for (command, expected) in blocks {
        let command = command.replace("127.0.0.1:8000", &address);
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();

        assert_eq!(without_times(&printed), without_times(expected), "{command}");
    }
}

/// Each `sh` block of a document, with the `console` block that follows it.
fn blocks(document: &str) -> Vec<(&str, &str)> {
    let block = |text: &'static str| move |rest: &str| rest.find(text).map(|at| at + text.len());
    let (open, shown) = (block("```sh\n"), block("```console\n"));
    let (mut rest, mut blocks) = (document, Vec::new());
    while let Some(from) = open(rest) {
        rest = &rest[from..];
        let (command, after) = rest.split_once("```").expect("a block ends");
        let (expected, after) = after[shown(after).expect("its answer")..].split_once("```").expect("a block ends");
        blocks.push((command, expected));
        rest = after;
    }
    blocks
}

/// Points in time differ from run to run.
fn without_times(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.trim_end();
    while let Some((before, after)) = rest.split_once("\"updated_at\":\"") {
        plain.push_str(before);
        rest = after.split_once('"').expect("the end of a time").1;
    }
    plain + rest
}
