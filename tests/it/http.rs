use crate::harness::{Body, Host};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_recorded_before_it_is_acknowledged() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").bytes();

    let answer = host.post("interview_result", &body).await;

    let deliveries = host.database.deliveries();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].id, answer.delivery());
    assert_eq!(deliveries[0].body.as_deref(), Some(&body[..]));
    host.stop().await;
}
