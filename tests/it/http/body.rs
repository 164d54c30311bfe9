use crate::harness::{AUTH, BASE, Body, Connection, Host, head};

async fn begin(host: &Host, declared: usize, beginning: &[u8]) -> Connection {
    let headers = [AUTH, ("Content-Length", &*declared.to_string())];
    let mut connection = host.connect().await;
    connection.send(&[&head("POST", BASE, &headers), beginning].concat()).await;
    connection
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
