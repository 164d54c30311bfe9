use std::time::Duration;

use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Body, Connection, Host, chunked, head, request};

async fn begin(host: &Host, declared: usize, beginning: &[u8]) -> Connection {
    let headers = [AUTH, ("Content-Length", &*declared.to_string())];
    let mut connection = host.connect().await;
    connection.send(&[&head("POST", BASE, &headers), beginning].concat()).await;
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_within_the_deadline_is_refused() {
    let host = Host::builder().config(|config| config.body_deadline(Duration::from_millis(100))).start().await;
    let body = Body::result("r-1").bytes();

    let mut declared = begin(&host, body.len(), &body[..body.len() - 1]).await;
    let mut in_chunks = host.connect().await;
    in_chunks.send(&chunked(BASE, &[AUTH], &[&body], false)).await;

    assert_refused(&declared.answer().await.unwrap(), 408);
    assert_refused(&in_chunks.answer().await.unwrap(), 408);
    assert!(declared.is_closed().await);
    assert!(in_chunks.is_closed().await);
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_is_refused() {
    let host = Host::builder().start().await;
    let empty = [
        request("POST", BASE, &[AUTH], b""),
        head("POST", BASE, &[AUTH]),
        chunked(BASE, &[AUTH], &[], true),
        request("POST", BASE, &[AUTH, ("Content-Type", "application/json")], b""),
    ];

    for bytes in empty {
        assert_refused(&host.send(&bytes).await, 400);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_is_refused_wherever_it_is_cut() {
    let host = Host::builder().start().await;
    let whole = Body::result("r-1").bytes();
    // Rocket reads the first 14 bytes itself, and takes a cut there for the end.
    let cuts = [1, 2, 13, 14, 15, 100, whole.len() - 1];

    for length in cuts {
        let mut connection = begin(&host, whole.len(), &whole[..length]).await;
        connection.finish_sending().await;

        let answer = connection.answer().await;
        assert_refused(&answer.unwrap_or_else(|| panic!("an answer to {length} bytes")), 400);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_body_that_would_be_good_json_is_not_taken_for_the_whole() {
    let host = Host::builder().start().await;

    for beginning in [&b"{\"id\":\"r\"}"[..], b"{\"id\":\"r-1\",\"status\":\"active\"}"] {
        let mut connection = begin(&host, beginning.len() + 1, beginning).await;
        connection.finish_sending().await;

        assert_refused(&connection.answer().await.unwrap(), 400);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_body_in_chunks_is_refused() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").bytes();
    let mut connection = host.connect().await;

    connection.send(&chunked(BASE, &[AUTH], &[&body], false)).await;
    connection.finish_sending().await;

    assert_refused(&connection.answer().await.unwrap(), 400);
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_half_way_leaves_nothing() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").bytes();

    drop(begin(&host, body.len(), &body[..body.len() - 1]).await);
    let whole = host.post("interview_result", &body).await;

    assert_eq!(whole.status, 200);
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}
