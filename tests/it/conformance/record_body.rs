//! A body that the host vouches for, in a host on each database.

use mojito_schema::{EventKind, Standing};
use rocket::data::ByteUnit;
use rocket_mojito::{EndpointConfig, Inbox, MojitoFairing, SecretConfig};

use crate::harness::{Body, Store, TestBackend, TestServer, config, on_each_backend};

on_each_backend!(
    a_vouched_body_is_recorded_as_a_posted_one_without_a_secret,
    a_vouched_body_is_refused_as_a_posted_one,
);

async fn host<B: TestBackend>(store: &Store<B>) -> TestServer {
    let other = EndpointConfig::new().secret(SecretConfig::header("a", "X-Other", "other-secret-0123456789abcdef"));
    let config = config().endpoint("other", other.paused(true)).body_limit(ByteUnit::Byte(40_000));
    TestServer::on(store.url(), MojitoFairing::<B>::new(config)).await
}

/// Standing and version of a body that is vouched for.
async fn recorded(inbox: &Inbox, kind: EventKind, body: Vec<u8>) -> (i64, Standing, Option<i64>) {
    let receipt = inbox.record_body("default", kind, body).await.unwrap();
    (receipt.delivery_id(), receipt.standing(), receipt.version())
}

// Shows O17.
async fn a_vouched_body_is_recorded_as_a_posted_one_without_a_secret<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let host = host(&store).await;
    let (inbox, result) = (host.inbox.clone(), Body::result("r"));
    let long = result.clone().with("ai_analysis", "long ".repeat(6_000));

    let posted = host.post(result.bytes()).await.delivery();
    let named = recorded(&inbox, EventKind::InterviewResult, result.bytes()).await;
    let told = recorded(&inbox, EventKind::Unknown, Body::failed("r").bytes()).await;
    let large = recorded(&inbox, EventKind::InterviewResult, long.bytes()).await;
    let unusable = recorded(&inbox, EventKind::InterviewResult, b"no JSON".to_vec()).await;
    let untold = recorded(&inbox, EventKind::Unknown, result.without("interview_status").bytes()).await;

    assert_eq!(named, (posted, Standing::Repeat, None));
    assert_eq!((told.1, told.2, large.1, large.2), (Standing::Current, Some(2), Standing::Current, Some(3)));
    assert_eq!((unusable.1, untold.1), (Standing::Quarantined, Standing::Quarantined));
    let rows = store.deliveries().await;
    let secrets: Vec<&str> = rows.iter().map(|row| row.secret_id.as_str()).collect();
    assert_eq!(secrets, ["test", "vouched", "vouched", "vouched", "vouched"]);
    assert_eq!((rows[1].event, rows[0].repeat_count), (EventKind::InterviewFailed, 1));
    host.stop().await;
}

// Shows O17.
async fn a_vouched_body_is_refused_as_a_posted_one<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let host = host(&store).await;
    let refused = async |endpoint, body: Vec<u8>| {
        let rejection = host.inbox.record_body(endpoint, EventKind::InterviewResult, body).await.unwrap_err();
        (rejection.status().code, rejection.to_string())
    };

    let unknown = refused("nowhere", Body::result("r").bytes()).await;
    let empty = refused("default", Vec::new()).await;
    let long = refused("default", vec![b' '; 40_001]).await;
    let paused = refused("other", Body::result("r").bytes()).await;

    assert_eq!(unknown, (401, "unauthorized (unknown_endpoint)".to_owned()));
    assert_eq!(empty, (400, "incomplete (body_empty)".to_owned()));
    assert_eq!(long, (413, "too_large (actual_too_large)".to_owned()));
    assert_eq!(paused, (503, "unavailable (paused)".to_owned()));
    assert_eq!(store.count_of_deliveries().await, 0);
    host.stop().await;
}
