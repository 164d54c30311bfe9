use rocket::data::ByteUnit;

use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Body, Host, chunked, head};

const LIMIT: usize = 2_000;

async fn host() -> Host {
    Host::builder().config(|config| config.body_limit(ByteUnit::from(LIMIT))).start().await
}

/// A good body of exactly this length.
fn padded(id: &str, length: usize) -> Vec<u8> {
    let mut body = Body::result(id).bytes();
    assert!(body.len() < length);
    body.resize(length, b' ');
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_exactly_the_limit_is_taken() {
    let host = host().await;
    let (declared, in_chunks) = (padded("r-1", LIMIT), padded("r-2", LIMIT));

    let first = host.post("interview_result", &declared).await;
    let (one, two) = in_chunks.split_at(700);
    let second = host.send(&chunked(BASE, &[AUTH], &[one, two], true)).await;

    assert_eq!((first.status, second.status), (200, 200));
    let bodies: Vec<_> = host.database.deliveries().into_iter().filter_map(|row| row.body).collect();
    assert_eq!(bodies, [declared, in_chunks]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_length_over_the_limit_is_refused_before_the_body_is_read() {
    let host = host().await;

    for length in [LIMIT + 1, 4_000_000_000, usize::MAX / 4] {
        let headers = [AUTH, ("Content-Length", &*length.to_string())];
        let beginning = [head("POST", BASE, &headers), vec![b' '; 14]].concat();

        assert_refused(&host.send(&beginning).await, 413);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_is_refused_as_soon_as_it_is_over_the_limit() {
    let host = host().await;
    let body = padded("r-1", LIMIT + 1);

    let answer = host.send(&chunked(BASE, &[AUTH], &[&body[..LIMIT], &body[LIMIT..]], false)).await;

    assert_refused(&answer, 413);
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_one_mebibyte_by_default() {
    let host = Host::builder().start().await;
    let limit = 1 << 20;

    let taken = host.post("interview_result", &padded("r-1", limit)).await;
    let headers = [AUTH, ("Content-Length", &*(limit + 1).to_string())];
    let refused = host.send(&[head("POST", BASE, &headers), vec![b' '; 14]].concat()).await;

    assert_eq!(taken.status, 200);
    assert_refused(&refused, 413);
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}
