//! The decisions of Rocket 0.5.2 before the plugin, as the guide says them. Should a release of Rocket decide
//! otherwise, these tell. More of it stands in `corpus::requests`.

use std::time::Duration;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request};
use rocket_mojito::MojitoConfig;

use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Body, Connection, Database, Host, HostBuilder, Process, chunked, eventually, head};

/// Looks at the beginning of each body.
struct Peeking;

#[rocket::async_trait]
impl Fairing for Peeking {
    fn info(&self) -> Info {
        Info { name: "peeking", kind: Kind::Request }
    }

    async fn on_request(&self, _: &mut Request<'_>, data: &mut Data<'_>) {
        data.peek(512).await;
    }
}

fn peeking() -> HostBuilder {
    Host::builder().rocket(|rocket| rocket.attach(Peeking))
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_bodies_are_whole_behind_a_fairing_that_peeks() {
    let host = peeking().start().await;
    let (long, short) = (Body::result("r-1").bytes(), br#"{"id":"r-1","status":"active"}"#);
    let in_chunks = chunked(BASE, &[AUTH], &[b"{}"], true);

    let answers = [host.post("interview_result", &long).await, host.post("", short).await, host.send(&in_chunks).await];

    assert_eq!(answers.map(|answer| answer.status), [200; 3]);
    let cut = [head("POST", BASE, &[AUTH, ("Content-Length", "100")]), short.to_vec()].concat();
    let mut connection = host.connect().await;
    connection.send(&cut).await;
    connection.finish_sending().await;
    assert_refused(&connection.answer().await.expect("an answer"), 400);
    host.stop().await;
}

/// Rocket takes an error for the end of a body: among the first 14 bytes, and among all that a fairing peeks at. Where no
/// length was declared, nobody can tell such a body from a whole one.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_that_is_cut_among_what_a_fairing_peeks_at_is_taken_for_whole() {
    let beginning = br#"{"id":"r-1","status":"active"}"#;
    let mut statuses = Vec::new();

    for builder in [Host::builder(), peeking()] {
        let host = builder.start().await;
        let mut connection = host.connect().await;
        connection.send(&chunked(&format!("{BASE}/interview_result"), &[AUTH], &[beginning], false)).await;
        connection.finish_sending().await;
        statuses.push(connection.answer().await.map(|answer| answer.status));
        host.stop().await;
    }

    assert_eq!(statuses, [Some(400), Some(200)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_body_begins_behind_what_a_fairing_peeks_at() {
    let body = br#"{"id":"r-1","status":"active","interview_status":"completed"}"#;
    let (begin, end) = body.split_at(20);
    let begin = [&head("POST", BASE, &[AUTH, ("Content-Length", &body.len().to_string())]), begin].concat();
    let deadline = |config: MojitoConfig| config.body_deadline(Duration::from_millis(200));
    let mut statuses = Vec::new();

    for builder in [Host::builder(), peeking()] {
        let host = builder.config(deadline).start().await;
        let mut connection = host.connect().await;
        connection.send(&begin).await;
        // Nothing tells that a deadline has not begun but the time in which it would end.
        tokio::time::sleep(Duration::from_secs(1)).await;
        connection.try_send(end).await;
        statuses.push(connection.answer().await.map(|answer| answer.status));
        host.stop().await;
    }

    assert_eq!(statuses, [Some(408), Some(200)]);
}

/// Rocket looks for a route for `HEAD`, and logs an error where there is none, before it asks the one for `GET`.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_is_refused_without_an_error_in_the_log() {
    let database = std::sync::Arc::new(Database::with_effects());
    let mut process = Process::builder(&database).start().await;
    let address = process.ready().await.expect("it listens");

    for path in [BASE, "/elsewhere"] {
        let mut connection = Connection::open(address).await;
        connection.send(&head("HEAD", path, &[AUTH])).await;
        let answer = connection.answer_to_head().await.expect("an answer");
        assert_eq!(answer.status, if path == BASE { 405 } else { 404 });
    }

    // Where nobody has such a route, the line is there: Rocket says what it said of the first before that.
    eventually("Rocket's line", || process.log().contains("No matching routes for HEAD /elsewhere")).await;
    assert!(!process.log().contains(&format!("No matching routes for HEAD {BASE}")), "{}", process.log());
}
