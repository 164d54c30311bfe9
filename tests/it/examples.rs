//! The examples of `rocket-mojito/examples` do what they say, and the README shows the first of them.

mod forward_to_nats;
mod own_pool;
mod two_tenants;

use std::path::Path;
use std::time::Duration;

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

use crate::checkout::{Checkout, File};
use crate::harness::{AUTH, BASE, Body, Sample, Signer, TestServer, eventually, in_time, post, request};

/// The most lines of an example.
const LONGEST: usize = 60;

/// A key as gateways give it out.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The lease of a host that has set none, and more.
const LEASE: Duration = Duration::from_secs(60);

const SETTINGS: &str = r#"
    [default]
    log_level = "normal"
    [default.databases.mojito]
    url = "test.db"
"#;

/// An endpoint with the secret of the tests.
fn endpoint() -> String {
    let (header, value) = AUTH;
    format!(
        "[default.mojito.endpoints.default]\nsecrets = [{{ id = \"test\", header = {header:?}, value = {value:?} }}]\n"
    )
}

fn with_secret() -> String {
    format!("{SETTINGS}{}", endpoint())
}

/// Settings of a host in this process: the host's database and the plugin's own are this file.
fn settings(file: &Path) -> Figment {
    let file = file.to_str().unwrap();
    TestServer::figment()
        .merge(Toml::string(&endpoint()).nested())
        .merge(("databases.hiring.url", file))
        .merge(("databases.mojito.url", file))
}

/// The blocks of the README's section with the twenty lines, in order: manifest, migration, program, settings.
fn blocks() -> [String; 4] {
    let readme = Checkout::read("README.md");
    let (_, section) = readme.split_once("\n## Twenty lines").expect("a section with the twenty lines");
    let section = section.split("\n## ").next().unwrap();
    let block = |language: &str, number: usize| {
        let fence = format!("\n```{language}\n");
        section.split(fence.as_str()).nth(1 + number).unwrap().split_once("```").unwrap().0.to_owned()
    };
    [block("toml", 0), block("sql", 0), block("rust", 0), block("toml", 1)]
}

// Shows O30.
#[test]
fn the_twenty_lines_of_the_readme_are_the_example() {
    let [_, migration, program, _] = blocks();
    let example = Checkout::read("rocket-mojito/examples/twenty_lines.rs");
    let example = example.replace("\"../rocket-mojito/examples/migrations\"", "");
    let folder = "rocket-mojito/examples/migrations/2026-11-01-000000_offers/up.sql";

    assert!(example.ends_with(&format!("\n\n{program}")), "{program}");
    assert_eq!(migration, Checkout::read(folder));
    assert!(Checkout::read("README.md").contains("`migrations/2026-11-01-000000_offers/up.sql`"));
}

// Shows O30.
#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_lines_make_an_offer_for_a_posted_decision() {
    let [.., settings] = blocks();
    let sample = Sample::new(env!("CARGO_BIN_EXE_twenty-lines"), &settings);
    let mut host = sample.start(&[("MOJITO_SECRET", AUTH.1)]).await;
    let body = |decided: bool| Body::result("r").with("recruiter_go_next_round", decided).with("score", 4.212).bytes();

    for decided in [false, true, false, true] {
        assert_eq!(host.post("interview_result", &body(decided)).await.unwrap().status, 200);
    }

    let file = sample.folder().join("hiring.db");
    let handled = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_work WHERE state = 'completed'";
    eventually("all are handled", || texts(&file, handled) == ["4"]).await;
    assert_eq!(texts(&file, "SELECT result_id || ' ' || score AS value FROM offers"), ["r 4.212"]);
    host.stop().await;
}

/// The README says where the reason stands: a host of these lines has no subscriber, and its `main` is Rocket's.
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_launch_that_panics_is_the_line_above_the_panic() {
    for level in ["normal", "critical"] {
        let [.., settings] = blocks();
        let sample = Sample::new(env!("CARGO_BIN_EXE_twenty-lines"), &settings);
        let mut host = sample.spawn(&[("ROCKET_LOG_LEVEL", level)]);

        assert!(!host.ended().await.success());

        let log = host.log();
        let (above, _) = log.split_once("panicked at").unwrap_or_else(|| panic!("no panic: {log}"));
        assert!(above.contains("MOJITO_SECRET"), "{log}");
    }
}

/// The rows of a query with one column of text, `value`.
fn texts(file: &Path, query: &str) -> Vec<String> {
    use diesel::prelude::*;

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        value: String,
    }

    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let rows: Vec<Row> = diesel::sql_query(query).load(&mut connection).unwrap();
    rows.into_iter().map(|row| row.value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_route_records_for_the_endpoint_of_its_path() {
    let sample = Sample::new(env!("CARGO_BIN_EXE_own-route"), &with_secret());
    let mut host = sample.start(&[]).await;
    let address = host.ready().await.unwrap();
    let body = Body::result("r").bytes();

    let taken = post(address, "/hooks/default/interview_result", &[AUTH], &body).await;
    let refused = post(address, "/hooks/default/interview_result", &[("X-Mojito-Secret", "wrong")], &body).await;
    let built_in = post(address, &format!("{BASE}/interview_result"), &[AUTH], &body).await;
    let mut connection = crate::harness::Connection::open(address).await;
    connection.send(&request("GET", "/recorded", &[], b"")).await;
    let recorded = in_time(connection.answer()).await.unwrap();

    assert_eq!((taken.status, refused.status, built_in.status, recorded.body.as_str()), (200, 401, 404, "1"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_delivery_is_handed_on_with_its_key_and_a_forged_one_is_not() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap().to_string();
    let sample = Sample::new(env!("CARGO_BIN_EXE_signed-gateway"), SETTINGS);
    let mut host = sample.start(&[("GATEWAY_KEY", KEY), ("FORWARD_TO", &address)]).await;
    let body = Body::result("r").bytes();
    let signed = Signer::now(KEY).standard_webhooks("msg_1", &body);
    let path = format!("{BASE}/interview_result");

    let forged = post(host.ready().await.unwrap(), &path, &signed.as_pairs(), &Body::result("other").bytes()).await;
    let taken = post(host.ready().await.unwrap(), &path, &signed.as_pairs(), &body).await;
    let (socket, _) = in_time(other.accept()).await.unwrap();
    let mut line = String::new();
    in_time(BufReader::new(socket).read_line(&mut line)).await.unwrap();

    assert_eq!((forged.status, taken.status), (401, 200));
    let (key, result) = line.trim_end().split_once(' ').unwrap();
    assert_eq!((key.len(), result), (32, "r"));
    host.stop().await;
}

#[test]
fn the_examples_are_short() {
    let examples = Checkout::files("rocket-mojito/examples").into_iter().filter(File::is_rust);

    let lengths: Vec<(String, usize)> = examples.map(|file| (file.path, file.text.lines().count())).collect();

    assert!(lengths.len() >= 7, "{lengths:?}");
    assert!(lengths.iter().all(|(_, lines)| *lines <= LONGEST), "{lengths:?}");
}
