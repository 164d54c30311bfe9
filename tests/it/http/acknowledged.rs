use std::collections::BTreeSet;

use mojito_schema::{EventKind, Standing};
use rocket_mojito::SecretConfig;

use crate::harness::{AUTH, BASE, Body, Host};

const STAGING: &str = "staging-secret-0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_the_id_of_the_delivery_and_nothing_more() {
    let host = Host::builder().start().await;

    let answer = host.post("interview_result", &Body::result("r-1").bytes()).await;

    let id = host.database.deliveries()[0].id;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, format!(r#"{{"delivery":"{id}"}}"#));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    for absent in ["Retry-After", "WWW-Authenticate", "Allow", "Location"] {
        assert_eq!(answer.header(absent), None);
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_recorded_to_the_byte_before_it_is_acknowledged() {
    let host = Host::builder().start().await;
    let body = [b" \n".as_slice(), &Body::result("r-1").bytes(), b"\t"].concat();

    let answer = host.post("interview_result", &body).await;

    let deliveries = host.database.deliveries();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].id, answer.delivery());
    assert_eq!(deliveries[0].body.as_deref(), Some(&body[..]));
    assert_eq!(deliveries[0].secret_id, "test");
    assert_eq!(deliveries[0].repeat_count, 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_has_a_path_for_each_event_and_one_for_all() {
    let staging = SecretConfig::header("staging", "X-Staging", STAGING);
    let host = Host::builder().config(|config| config.secret("staging", staging)).start().await;
    let endpoints =
        [("default", BASE.to_owned(), AUTH), ("staging", format!("{BASE}/staging"), ("X-Staging", STAGING))];
    let events = [
        ("/interview_result", Body::result("r"), EventKind::InterviewResult),
        ("/interview_collected", Body::collected("c"), EventKind::InterviewCollected),
        ("/interview_failed", Body::failed("f"), EventKind::InterviewFailed),
        ("", Body::result("any-r"), EventKind::InterviewResult),
        ("", Body::collected("any-c"), EventKind::InterviewCollected),
        ("", Body::failed("any-f"), EventKind::InterviewFailed),
    ];

    for (endpoint, base, secret) in endpoints {
        for (path, body, event) in &events {
            let answer = host.post_with(&format!("{base}{path}"), &[secret], &body.bytes()).await;

            assert_eq!(answer.status, 200, "{base}{path}: {answer:?}");
            let delivery = host.database.delivery(answer.delivery());
            assert_eq!(delivery.endpoint, endpoint, "{base}{path}");
            assert_eq!(delivery.event, *event, "{base}{path}");
            assert_eq!(delivery.standing, Standing::Current, "{base}{path}");
        }
    }
    assert_eq!(host.database.deliveries().len(), 12);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_acknowledged_with_the_delivery_that_it_repeats() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").bytes();
    let first = host.post("interview_result", &body).await;

    let second = host.post("interview_result", &body).await;

    let deliveries = host.database.deliveries();
    assert_eq!(second.but_date(), first.but_date());
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].repeat_count, 1);
    assert!(deliveries[0].last_repeat_at.is_some());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_delivery_is_acknowledged_and_leaves_the_state() {
    let host = Host::builder().start().await;
    let result = host.post("interview_result", &Body::result("r-1").bytes()).await;

    let late = host.post("interview_collected", &Body::collected("r-1").bytes()).await;
    let again = host.post("interview_collected", &Body::collected("r-1").bytes()).await;

    let deliveries = host.database.deliveries();
    assert_eq!((late.status, again.status), (200, 200));
    assert_eq!(again.delivery(), late.delivery());
    assert_eq!(deliveries.len(), 2);
    assert_eq!(deliveries[1].standing, Standing::Late);
    assert_eq!(deliveries[1].version, None);
    assert_eq!(deliveries[1].repeat_count, 1);
    assert_eq!(host.database.results()[0].delivery_id, result.delivery());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_understood_is_acknowledged() {
    let host = Host::builder().start().await;

    let answer = host.post("interview_result", b"<html>gateway error</html>").await;

    let deliveries = host.database.deliveries();
    assert_eq!(answer.status, 200);
    assert_eq!(deliveries[0].id, answer.delivery());
    assert_eq!(deliveries[0].standing, Standing::Quarantined);
    assert_eq!(deliveries[0].body.as_deref(), Some(&b"<html>gateway error</html>"[..]));
    host.stop().await;
}

/// From when Rocket asks for the body. A connection that is closed before that, hyper drops unread, and no
/// delivery was ever seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_after_its_last_byte_is_recorded_all_the_same() {
    let host = Host::builder().start().await;
    let bodies: Vec<Vec<u8>> = (0..20).map(|number| Body::result(&format!("r-{number}")).bytes()).collect();

    for body in &bodies {
        let mut connection = host.connect().await;
        connection.begin_body(BASE, body.len()).await;
        connection.send(body).await;
        drop(connection);
    }

    host.database.wait_for_deliveries(bodies.len()).await;
    let mut kept: Vec<_> = host.database.deliveries().into_iter().filter_map(|row| row.body).collect();
    kept.sort();
    assert_eq!(kept, bodies.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
    host.stop().await;
}
