use rocket::{post, routes};
use rocket_mojito::{EndpointConfig, Inbox, MojitoConfig, MojitoEvent, Receipt, Rejection, SecretConfig};

use crate::harness::{AUTH, BASE, Body, Host};

#[post("/<_>/hook", data = "<_body>")]
fn others(_body: Vec<u8>) -> &'static str {
    "another provider"
}

#[post("/hooks/<_>/interview_collected", data = "<event>")]
async fn own(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

fn secret(id: &str, name: &str) -> SecretConfig {
    SecretConfig::header(id, "X-Mojito-Secret", format!("secret-of-{name}-0123456789abcdef"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_the_host_takes_the_endpoint_that_its_path_names() {
    let change = |config: MojitoConfig| config.secret("staging", secret("s", "staging"));
    let host = Host::builder().config(change).rocket(|rocket| rocket.mount("/", routes![own])).start().await;
    let body = Body::collected("r-1").bytes();
    let staging = [("X-Mojito-Secret", "secret-of-staging-0123456789abcdef")];

    let taken = host.post_with("/hooks/staging/interview_collected", &staging, &body).await;
    let by_default = host.post_with("/hooks/elsewhere/interview_collected", &[AUTH], &body).await;
    let refused = [
        host.post_with("/hooks/staging/interview_collected", &[AUTH], &body).await,
        host.post_with("/hooks/elsewhere/interview_collected", &staging, &body).await,
    ];

    assert_eq!((taken.status, by_default.status), (200, 200));
    assert_eq!(refused.map(|answer| answer.status), [401, 401]);
    assert_eq!(host.database.delivery(taken.delivery()).endpoint, "staging");
    assert_eq!(host.database.delivery(by_default.delivery()).endpoint, "default");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_of_a_rotation_is_valid_and_its_id_is_stored() {
    let rotation = EndpointConfig::new()
        .secret(secret("2026-05", "may"))
        .secret(secret("2026-11", "november"))
        .secret(SecretConfig::header("other-header", "X-Other", "secret-of-other-0123456789abcdef"));
    let host = Host::builder().config(|_| MojitoConfig::new().endpoint("default", rotation)).start().await;
    let secrets = [
        ("X-Mojito-Secret", "secret-of-november-0123456789abcdef", "2026-11"),
        ("X-Other", "secret-of-other-0123456789abcdef", "other-header"),
        ("X-Mojito-Secret", "secret-of-may-0123456789abcdef", "2026-05"),
    ];

    for (number, (header, value, id)) in secrets.into_iter().enumerate() {
        let body = Body::result(&format!("r-{number}")).bytes();
        let answer = host.post_with(BASE, &[(header, value)], &body).await;

        assert_eq!(host.database.delivery(answer.delivery()).secret_id, id);
    }
    let retired = host.post_with(BASE, &[AUTH], &Body::result("r-9").bytes()).await;
    assert_eq!(retired.status, 401);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_a_new_secret_is_still_a_repeat() {
    let change = |config: MojitoConfig| config.secret("default", secret("new", "new"));
    let host = Host::builder().config(change).start().await;
    let body = Body::result("r-1").bytes();
    let first = host.post("interview_result", &body).await;

    let headers = [("X-Mojito-Secret", "secret-of-new-0123456789abcdef")];
    let second = host.post_with(&format!("{BASE}/interview_result"), &headers, &body).await;

    assert_eq!(second.delivery(), first.delivery());
    assert_eq!(host.database.deliveries()[0].secret_id, "test");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_lives_beside_other_webhooks_of_the_host() {
    let host = Host::builder().rocket(|rocket| rocket.mount("/webhooks", routes![others])).start().await;
    let body = Body::result("r-1").bytes();

    let others = host.post_with("/webhooks/payments/hook", &[], &body).await;
    let ours = host.post("interview_result", &body).await;

    assert_eq!((others.status, others.body.as_str()), (200, "another provider"));
    assert_eq!(ours.status, 200);
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mount_can_be_any_path() {
    for mount in ["/", "/webhooks", "/in/from/mojito", "/default", "/interview_result", "/staging/staging"] {
        let change = |config: MojitoConfig| config.mount(mount).secret("staging", secret("s", "staging"));
        let host = Host::builder().config(change).start().await;
        let base = mount.trim_end_matches('/');
        let body = Body::failed("r-1").bytes();
        let staging = [("X-Mojito-Secret", "secret-of-staging-0123456789abcdef")];

        for path in ["", "/interview_failed"] {
            let ours = format!("{base}{path}");
            let ours = if ours.is_empty() { "/" } else { &ours };
            let default = host.post_with(ours, &[AUTH], &body).await;
            let staging = host.post_with(&format!("{base}/staging{path}"), &staging, &body).await;

            for (answer, endpoint) in [(default, "default"), (staging, "staging")] {
                assert_eq!(answer.status, 200, "{mount} {path} {endpoint}: {answer:?}");
                let delivery = host.database.delivery(answer.delivery());
                assert_eq!((delivery.endpoint.as_str(), delivery.event.as_str()), (endpoint, "interview_failed"));
            }
        }
        host.stop().await;
    }
}
