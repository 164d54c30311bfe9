//! The example application, as processes of its own, seen from outside, on each backend.

mod attention;
mod browser;
mod clock;
mod command;
mod list;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::{Postgres, State};
use rustix::process::Signal;
use serde_json::Value;

use crate::checkout::Checkout;
use crate::harness::{
    Answer, Body, Connection, Example, Load, Process, SECRET, Store, TestBackend, in_time, on_each_backend, request,
    rounds, seed,
};

on_each_backend!(
    what_is_posted_is_seen_on_the_page_and_as_data,
    an_open_page_is_told_when_something_has_come,
    an_open_page_is_told_what_another_process_has_handled,
    a_desk_that_is_told_to_stop_ends_well_with_a_page_open,
    the_desk_refuses_to_be_open_to_the_world_without_a_password,
    desks_that_start_at_once_on_an_empty_database_all_come_up,
    killed_under_load_the_desk_keeps_every_acknowledged_delivery_and_files_it_once,
    the_commands_of_the_readme_print_what_it_says,
    a_secret_whose_line_ends_is_taken_without_its_end,
);

/// An empty database, and the example on it.
async fn example<B: TestBackend>() -> (Store<B>, Example) {
    let store = Store::<B>::open_empty().await;
    let example = Example::on::<B>(store.url());
    (store, example)
}

async fn address(desk: &mut Process) -> SocketAddr {
    desk.ready().await.expect("the desk listens")
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut connection = Connection::open(address).await;
    connection.send(&request("GET", path, &[("Accept", "text/html")], b"")).await;
    in_time(connection.answer()).await.expect("an answer")
}

async fn get_json(address: SocketAddr, path: &str) -> Value {
    serde_json::from_str(&get(address, path).await.body).expect("JSON")
}

/// A page that is open in a browser.
struct OpenPage(Connection);

impl OpenPage {
    async fn at(desk: SocketAddr) -> Self {
        let mut connection = Connection::open(desk).await;
        connection.send(&request("GET", "/events", &[], b"")).await;
        Self(connection)
    }

    /// The next thing that it is told.
    async fn event(&mut self) -> String {
        loop {
            let line = in_time(self.0.line()).await.expect("the stream goes on");
            if line.starts_with("data:") {
                return line;
            }
        }
    }
}

async fn what_is_posted_is_seen_on_the_page_and_as_data<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let address = address(&mut desk).await;

    let ada = |body: Body| body.with("candidate_name", "Ada <b>Example</b>").bytes();
    desk.post("interview_collected", &ada(Body::collected("ada"))).await.unwrap();
    desk.post("interview_result", &ada(Body::result("ada").with("score", 4.212))).await.unwrap();
    let decided = Body::result("ada").with("score", 4.212).with("recruiter_go_next_round", true);
    desk.post("interview_result", &ada(decided)).await.unwrap();
    desk.post("interview_failed", &Body::failed("bob").with("candidate_name", "Bob Example").bytes()).await.unwrap();
    store.drained().await;

    let page = get(address, "/").await;
    let advanced = get(address, "/?stage=advanced").await;
    let candidate = get(address, "/candidates/default?id=ada").await;
    let candidates = get_json(address, "/candidates.json").await;
    let newest = get_json(address, "/candidates.json?limit=1").await;
    let health = get(address, "/health").await;
    assert_eq!((page.status, advanced.status, candidate.status, health.status), (200, 200, 200, 200));
    assert!(page.body.contains("Bob Example") && page.body.contains("Ada &#60;b&#62;Example"), "{}", page.body);
    let is_chosen = advanced.body.contains("id=ada") && !advanced.body.contains("id=bob");
    assert!(is_chosen, "{}", advanced.body);
    assert!(candidate.body.contains("4.212") && candidate.body.contains(", filed "), "{}", candidate.body);
    assert_eq!(candidates.as_array().unwrap().len(), 2);
    assert_eq!(newest.as_array().unwrap().len(), 1);
    let ada = &candidates[1];
    assert_eq!((&ada["result_id"], &ada["event"]), (&"ada".into(), &"interview_result".into()));
    assert_eq!((&ada["version"], &ada["recruiter_go_next_round"]), (&3.into(), &true.into()));
    assert_eq!((&ada["candidate_name"], &ada["score"]), (&"Ada <b>Example</b>".into(), &4.212.into()));
    assert_eq!(example.filed::<B>().await, once_each(&mut store, 4).await);
}

/// Each stored delivery, filed once. A transaction that was rolled back and made again leaves a gap in their ids.
async fn once_each<B: TestBackend>(store: &mut Store<B>, count: usize) -> BTreeMap<i64, usize> {
    let deliveries = store.deliveries().await;
    assert_eq!(deliveries.len(), count);
    deliveries.into_iter().map(|row| (row.id, 1)).collect()
}

async fn an_open_page_is_told_when_something_has_come<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let mut page = OpenPage::at(address(&mut desk).await).await;

    let before = page.event().await;
    desk.post("interview_result", &Body::result("r").bytes()).await.unwrap();
    let after = page.event().await;

    assert_ne!(before, after);
    assert!(!after.contains("Test Person"), "the event itself says nothing of anybody");
}

async fn an_open_page_is_told_what_another_process_has_handled<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut idle = example.spawn(&[("ROCKET_MOJITO", "{paused_handlers=[\"HiringDesk\"]}")]);
    let idle_address = address(&mut idle).await;
    let mut busy = example.start().await;
    let mut page = OpenPage::at(idle_address).await;

    let before = page.event().await;
    busy.post("interview_result", &Body::result("r").bytes()).await.unwrap();
    store.drained().await;
    let shown = get(idle_address, "/candidates/default?id=r").await;
    let mark = |page: &Answer| page.body.split_once("data-mark=\"").unwrap().1.split_once('"').unwrap().0.to_owned();

    assert!(shown.body.contains(", filed "), "{}", shown.body);
    assert_ne!(before.trim_start_matches("data:"), mark(&shown));
    while page.event().await.trim_start_matches("data:") != mark(&shown) {}
    assert_eq!(mark(&get(address(&mut busy).await, "/").await), mark(&shown), "every process has the same mark");
}

/// Numbers are given out before the commit: what is committed last may have the lower one.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_told_what_was_committed_late() {
    const ENTRY: &str = "INSERT INTO application_events (id, delivery_id, result_id, event, created_at) \
                         VALUES (nextval(pg_get_serial_sequence('application_events', 'id')), 1, 'r', \
                                 'interview_result', now())";
    let (mut store, example) = example::<Postgres>().await;
    let mut desk = example.start().await;
    let mut page = OpenPage::at(address(&mut desk).await).await;
    page.event().await;

    Postgres::execute(&mut store.connection, &format!("BEGIN; {ENTRY}")).await;
    store.run(ENTRY).await;
    let early = page.event().await;
    Postgres::execute(&mut store.connection, "COMMIT").await;
    let late = page.event().await;

    assert_ne!(early, late);
}

async fn a_desk_that_is_told_to_stop_ends_well_with_a_page_open<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let mut page = OpenPage::at(address(&mut desk).await).await;
    page.event().await;

    desk.signal(Signal::TERM);
    let status = desk.ended().await;

    assert_eq!(status.code(), Some(0), "{status}");
}

async fn the_desk_refuses_to_be_open_to_the_world_without_a_password<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let mut desk = example.spawn(&[("ROCKET_ADDRESS", "0.0.0.0")]);

    let status = desk.ended().await;

    assert!(!status.success());
    assert!(desk.log().contains("DESK_PASSWORD"), "{}", desk.log());
}

async fn desks_that_start_at_once_on_an_empty_database_all_come_up<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;

    let mut desks = example.start_many(4).await;
    for (number, desk) in desks.iter_mut().enumerate() {
        desk.post("interview_result", &Body::result(&number.to_string()).bytes()).await.unwrap();
    }
    store.drained().await;

    assert_eq!(example.filed::<B>().await, once_each(&mut store, 4).await);
}

// Shows F61.
/// Two of four are ten minutes wrong: leases are judged by the database's clock, so none takes work from another.
#[tokio::test(flavor = "multi_thread")]
async fn desks_whose_clocks_are_wrong_take_nothing_from_each_other() {
    let (mut store, example) = example::<Postgres>().await;
    let mut desks = example.start_many(2).await;
    desks.extend([example.spawn_at("+600s"), example.spawn_at("-600s")]);
    for desk in &mut desks[2..] {
        let now = store.texts("SELECT to_char(now(), 'HH24:MI') AS value").await.remove(0);
        let date = get(address(desk).await, "/health").await.header("date").unwrap().to_owned();
        assert!(!date.contains(&now), "its clock is wrong: {date}, {now}");
    }

    let mut random = Rng::with_seed(seed());
    let load = Load::start(&mut random, Duration::from_millis(20));
    let mut addresses = Vec::new();
    for desk in &mut desks {
        addresses.push(address(desk).await);
    }
    load.post_to(&addresses);
    while store.work().await.len() < 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    load.stop().await;
    store.drained().await;

    let work = store.work().await;
    assert!(desks.iter().all(|desk| !desk.log().contains("leases had lapsed")));
    assert!(work.iter().all(|work| work.attempt == 1), "{work:?}");
    assert_eq!(example.filed::<Postgres>().await, work.iter().map(|work| (work.delivery_id, 1)).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_for_postgres_asks_for_a_database() {
    let (_store, example) = example::<Postgres>().await;
    let mut desk = example.spawn(&[("ROCKET_DATABASES", "{}")]);

    let status = desk.ended().await;

    assert!(!status.success());
    assert!(desk.log().contains("set ROCKET_DATABASES to `{mojito={url="), "{}", desk.log());
}

// Shows F01.
#[expect(clippy::print_stdout, reason = "it tells how hard the desk was tried")]
async fn killed_under_load_the_desk_keeps_every_acknowledged_delivery_and_files_it_once<B: TestBackend>() {
    let mut random = Rng::with_seed(seed());
    let (mut store, example) = example::<B>().await;
    let load = Load::start(&mut random, Duration::from_millis(20));

    let (kills, mut hits) = (rounds(6, 60), 0);
    for _ in 0..kills {
        let mut desk = example.start().await;
        load.post_to(&[address(&mut desk).await]);
        tokio::time::sleep(Duration::from_millis(random.u64(200..1200))).await;
        hits += u32::from(load.in_flight() > 0);
        desk.kill();
        load.post_to(&[]);
    }
    let mut desk = example.start().await;
    load.post_to(&[address(&mut desk).await]);
    let ledger = load.stop().await;
    store.drained().await;

    let deliveries = store.deliveries().await;
    let stored: BTreeMap<i64, Vec<u8>> = deliveries.into_iter().map(|row| (row.id, row.body.unwrap())).collect();
    let sent = ledger.sent();
    for delivery in &sent {
        if let Some(id) = delivery.acknowledged() {
            assert_eq!(stored.get(&id), Some(&delivery.body), "delivery {id} was acknowledged");
        }
    }
    assert!(stored.values().all(|body| sent.iter().any(|delivery| delivery.body == *body)), "nothing was made up");
    let work = store.work().await;
    assert!(work.iter().all(|work| work.state == State::Completed), "{work:?}");
    let current: BTreeMap<i64, usize> = work.into_iter().map(|work| (work.delivery_id, 1)).collect();
    assert_eq!(example.filed::<B>().await, current, "each is filed once");
    assert_eq!(store.faults().await, [""; 0]);
    let tally = ledger.tally();
    println!("{}: {kills} kills, {hits} with requests in flight, {} deliveries, {tally:?}", B::NAME, stored.len());
    assert!(hits > 0 && tally.acknowledged * 10 >= tally.posts * 3, "the kills or the load missed: {tally:?}");
}

async fn the_commands_of_the_readme_print_what_it_says<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.spawn_bare(&[]);
    let address = address(&mut desk).await.to_string();

    let readme = Checkout::read("README.md");
    let blocks = blocks(&readme);

    assert!(readme.contains(&format!("cargo run {}", B::RUN_EXAMPLE)), "the README says how to run it");
    assert!(blocks.len() >= 4, "the README shows what to paste");
    for (command, expected) in blocks {
        // On Postgres a delivery that meets the end of an attempt is tried twice, and takes two ids.
        if !store.work().await.is_empty() {
            store.drained().await;
        }
        let command = command.replace("127.0.0.1:8000", &address);
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();

        assert_eq!(without_times(&printed), without_times(expected), "{command}");
    }
}

async fn a_secret_whose_line_ends_is_taken_without_its_end<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let secret = format!("{SECRET}\r\n");
    let mut desk = example.spawn_bare(&[("MOJITO_SECRET", &secret), ("DESK_PASSWORD", "pass\n")]);
    let address = address(&mut desk).await;

    let answer = desk.post("interview_result", &Body::result("r").bytes()).await.unwrap();

    assert_eq!(answer.status, 200);
    let mut connection = Connection::open(address).await;
    connection.send(&request("GET", "/", &[("Authorization", "Basic ZGVzazpwYXNz")], b"")).await;
    assert_eq!(in_time(connection.answer()).await.expect("an answer").status, 200);
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
