use std::collections::BTreeMap;

use rocket::figment::Figment;
use rocket::figment::providers::Serialized;
use rocket_mojito::SecretConfig;
use rocket_mojito::internals::Gate;
use serde_json::{Value, json};

use super::{gate, verify, verify_at};
use crate::checkout::Checkout;
use crate::harness::Headers;

/// Published with the libraries of Standard Webhooks: of several languages, and of Rust.
const STANDARD_WEBHOOKS: [[&str; 5]; 2] = [
    [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ],
    [
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "1649367553",
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ],
];

/// A setting as it stands in a file.
fn secret(settings: &Value) -> SecretConfig {
    let mut settings = settings.as_object().unwrap().clone();
    settings.insert("id".to_owned(), json!("recorded"));
    Figment::from(Serialized::defaults(settings)).extract().unwrap()
}

#[test]
fn the_published_vectors_of_standard_webhooks_are_verified() {
    for [key, id, time, body, signature] in STANDARD_WEBHOOKS {
        let gate = gate(SecretConfig::standard_webhooks("a", key));
        let headers =
            Headers::new(&[("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)]);

        let outcome = verify_at(&gate, &headers, body.as_bytes(), time.parse().unwrap());

        assert_eq!(outcome, Ok(("a".to_owned(), Some(id.to_owned()))));
    }
}

#[test]
fn the_published_vector_of_github_is_verified() {
    let gate = gate(SecretConfig::github("a", "It's a Secret to Everybody"));
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = Headers::new(&[("X-Hub-Signature-256", signature)]);

    let outcome = verify(&gate, &headers, b"Hello, World!");

    assert_eq!(outcome, Ok(("a".to_owned(), None)));
}

/// See `tests/fixtures/signatures.py`.
#[test]
fn what_the_libraries_of_others_have_signed_is_verified_and_nothing_else_is() {
    let recorded: Value = serde_json::from_str(&Checkout::read("tests/fixtures/signatures.json")).unwrap();
    let sent_at = recorded["sent_at"].as_i64().unwrap();
    let mut schemes = BTreeMap::new();

    for vector in recorded["vectors"].as_array().unwrap() {
        let gate = Gate::try_new([secret(&vector["settings"])]).unwrap();
        let pairs = vector["headers"].as_object().unwrap().iter();
        let headers = Headers(pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect());
        let body = vector["body"].as_str().unwrap().as_bytes();

        let outcome = verify_at(&gate, &headers, body, sent_at);
        let of_another = verify_at(&gate, &headers, &[body, b" "].concat(), sent_at);

        assert_eq!(outcome.unwrap().0, "recorded", "{vector}");
        assert_eq!(of_another, Err("signature_wrong".to_owned()), "{vector}");
        *schemes.entry(vector["settings"]["scheme"].as_str().unwrap()).or_insert(0) += 1;
    }
    let expected = [("github", 3), ("hmac", 6), ("standard-webhooks", 6), ("stripe", 3)];
    assert_eq!(schemes.into_iter().collect::<Vec<_>>(), expected);
}
