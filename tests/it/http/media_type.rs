use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Body, Host};

#[tokio::test(flavor = "multi_thread")]
async fn json_in_utf_8_is_taken_however_it_is_called() {
    let host = Host::builder().start().await;
    let taken: [&[(&str, &str)]; 12] = [
        &[],
        &[("Content-Type", "application/json")],
        &[("Content-Type", "Application/JSON")],
        &[("Content-Type", "text/json")],
        &[("Content-Type", "application/vnd.jobmojito.v2+json")],
        &[("Content-Type", "application/problem+JSON; charset=utf-8")],
        &[("Content-Type", "application/json;charset=UTF-8")],
        &[("Content-Type", "application/json; Charset=\"utf-8\"")],
        &[("Content-Type", "application/json; profile=\"a;b\"")],
        &[("Content-Encoding", "identity")],
        &[("Content-Type", "application/json"), ("Content-Encoding", "Identity")],
        &[("Content-Type", "application/json"), ("Accept", "text/html")],
    ];

    for (number, headers) in taken.into_iter().enumerate() {
        let body = Body::result(&format!("r-{number}")).bytes();
        let answer = host.post_with(BASE, &[&[AUTH], headers].concat(), &body).await;

        assert_eq!(answer.status, 200, "{headers:?}");
    }
    assert_eq!(host.database.deliveries().len(), taken.len());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_else_is_refused_and_nothing_is_kept() {
    let host = Host::builder().start().await;
    let refused: [&[(&str, &str)]; 25] = [
        &[("Content-Type", "")],
        &[("Content-Type", "json")],
        &[("Content-Type", "*/*")],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "text/html")],
        &[("Content-Type", "application/xml")],
        &[("Content-Type", "application/jsonp")],
        &[("Content-Type", "application/json-seq")],
        &[("Content-Type", "application/x-ndjson")],
        &[("Content-Type", "application/octet-stream")],
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &[("Content-Type", "multipart/form-data; boundary=x")],
        &[("Content-Type", "application/json, application/json")],
        &[("Content-Type", "application/json; charset=utf-16")],
        &[("Content-Type", "application/json; charset=latin1")],
        &[("Content-Type", "application/json; CHARSET=iso-8859-1")],
        &[("Content-Type", "application/json; charset=utf-8; charset=utf-16")],
        &[("Content-Type", "application/json"), ("Content-Type", "application/json")],
        &[("Content-Type", "application/json"), ("Content-Type", "text/plain")],
        &[("Content-Encoding", "gzip")],
        &[("Content-Encoding", "br")],
        &[("Content-Encoding", "deflate")],
        &[("Content-Encoding", "zstd")],
        &[("Content-Encoding", "identity, gzip")],
        &[("Content-Encoding", "identity"), ("Content-Encoding", "gzip")],
    ];
    let body = Body::result("r-1").bytes();

    for headers in refused {
        let answer = host.post_with(BASE, &[&[AUTH], headers].concat(), &body).await;

        assert_eq!(answer.status, 415, "{headers:?}");
        assert_refused(&answer, 415);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}
