use rocket_mojito::SecretConfig;

use super::refusal::{assert_refusal_headers, assert_refused};
use crate::harness::{AUTH, BASE, Body, Host, request};

const PATHS: [&str; 4] = ["", "/interview_result", "/interview_collected", "/interview_failed"];

async fn host() -> Host {
    let staging = SecretConfig::header("staging", "X-Staging", "staging-secret-0123456789abcdef");
    Host::builder().config(|config| config.secret("staging", staging)).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_but_post_is_refused_on_every_path() {
    let host = host().await;
    let body = Body::result("r-1").bytes();

    for base in [BASE.to_owned(), format!("{BASE}/staging")] {
        for path in PATHS {
            for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                let answer = host.send(&request(method, &format!("{base}{path}"), &[AUTH], &body)).await;

                assert_refused(&answer, 405);
            }
        }
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_refused_without_a_body() {
    let host = host().await;

    for base in [BASE.to_owned(), format!("{BASE}/staging")] {
        for path in PATHS {
            let mut connection = host.connect().await;
            let headers = [AUTH, ("Connection", "close")];
            connection.send(&request("HEAD", &format!("{base}{path}"), &headers, b"")).await;

            let answer = connection.answer_to_head().await.unwrap();
            assert_eq!(answer.status, 405);
            assert_refusal_headers(&answer, 405);
            assert!(connection.is_closed().await, "nothing comes after the headers");
        }
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_refused_without_a_secret_too() {
    let host = host().await;

    let answer = host.send(&request("GET", BASE, &[], b"")).await;

    assert_refused(&answer, 405);
    host.stop().await;
}

/// Rocket lets a form name another method than the request. It must not be a way in.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_names_a_method_is_not_accepted() {
    let host = host().await;
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let cases = [
        ("POST", "_method=put&id=r-1", 405),
        ("POST", "_method=get&id=r-1", 405),
        ("POST", "_method=post&id=r-1", 415),
        ("PUT", "_method=post&id=r-1", 405),
    ];

    for (method, body, status) in cases {
        let answer = host.send(&request(method, BASE, &[AUTH, form], body.as_bytes())).await;

        assert_refused(&answer, status);
    }
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}

/// Rocket's own answer: such a request reaches no route.
#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_rocket_does_not_know_is_not_accepted() {
    let host = host().await;

    let answer = host.send(&request("FOO", BASE, &[AUTH], &Body::result("r-1").bytes())).await;

    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert!(host.database.deliveries().is_empty());
    host.stop().await;
}
