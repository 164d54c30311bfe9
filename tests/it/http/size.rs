use super::refusal::assert_refused;
use crate::harness::{AUTH, BASE, Body, Host, head};

/// A good body of exactly this length.
fn padded(id: &str, length: usize) -> Vec<u8> {
    let mut body = Body::result(id).bytes();
    assert!(body.len() < length);
    body.resize(length, b' ');
    body
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
