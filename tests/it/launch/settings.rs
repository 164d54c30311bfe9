use std::time::Duration;

use rocket::data::ByteUnit;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_mojito::MojitoConfig;

use super::{CANARY, assert_config_stops, assert_stops, secret};
use crate::harness::Host;

type Change = fn(MojitoConfig) -> MojitoConfig;

fn read(text: &str) -> Result<MojitoConfig, rocket_mojito::Error> {
    MojitoConfig::from_figment(&Figment::from(Toml::string(text)))
}

/// Checks that a text is refused with a sentence that holds all of `parts` and no secret.
fn assert_refused(text: &str, parts: &[&str]) {
    let error = read(text).map(drop).expect_err(text);

    let shown = format!("{error} {error:?}");
    assert!(error.is_config() && !error.is_unavailable());
    for part in parts {
        assert!(shown.contains(part), "`{part}` in {shown}");
    }
    assert!(!shown.contains(CANARY), "no secret in {shown}");
}

#[test]
fn every_setting_can_be_written() {
    let text = r#"
        [mojito]
        mount = "/hooks"
        body_limit = "2 MiB"
        body_deadline = 3
        ack_deadline = 4
        queue_limit = "64 MiB"
        handler_concurrency = 8
        handler_timeout = 60
        lease = 20
        max_attempts = 5
        retention_days = 100
        body_retention_days = 10
        migrate = false
        allow_ephemeral = true
        paused_handlers = ["Desk"]

        [mojito.endpoints.default]
        paused = true
        secrets = [
            { id = "a", header = "X-Secret", env = "MOJITO_SECRET" },
            { id = "b", header = "X-Secret", file = "/run/secrets/old" },
            { id = "c", scheme = "header", header = "X-Secret", value = "canary-0123456789abcdefg" },
            { id = "d", scheme = "standard-webhooks", header_prefix = "svix", env = "SVIX_KEY" },
            { id = "e", scheme = "github", env = "GITHUB_KEY" },
            { id = "f", scheme = "stripe", file = "/run/secrets/stripe" },
            { id = "g", scheme = "hmac", header = "X-A", encoding = "base64", prefix = "v1=", timestamp_header = "X-B", env = "K" },
        ]
    "#;

    let config = read(text).unwrap();

    assert!(config.has_secret("default"));
    assert!(!config.has_secret("staging"));
    let shown = format!("{config:?}");
    for value in
        ["\"/hooks\"", "3s", "4s", "60s", "20s", "max_attempts: 5", "migrate: false", "\"Desk\"", "paused: true"]
    {
        assert!(shown.contains(value), "{value} in {shown}");
    }
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn an_unknown_key_is_named_with_those_that_are_known() {
    let in_secret = r#"secrets = [{ id = "a", header = "X", value = "canary-0123456789abcdefg", kind = "x" }]"#;

    assert_refused("[mojito]\nmounts = '/x'", &["`mojito.mounts`", "no such setting", "`mount`"]);
    assert_refused("[mojito.endpoints.default]\nsecret = []", &["`mojito.endpoints.default.secret`", "`secrets`"]);
    assert_refused(
        &format!("[mojito.endpoints.default]\n{in_secret}"),
        &["`mojito.endpoints.default.secrets.0.kind`", "no such setting", "`scheme`"],
    );
}

#[test]
fn a_value_of_another_type_is_named() {
    let cases = [
        ("[mojito]\nmount = 5", "mount"),
        ("[mojito]\nbody_limit = 'much'", "body_limit"),
        ("[mojito]\nbody_deadline = '5'", "body_deadline"),
        ("[mojito]\nbody_deadline = 0.5", "body_deadline"),
        ("[mojito]\nack_deadline = -1", "ack_deadline"),
        ("[mojito]\nlease = '15s'", "lease"),
        ("[mojito]\nmax_attempts = 'many'", "max_attempts"),
        ("[mojito]\nhandler_concurrency = -1", "handler_concurrency"),
        ("[mojito]\nmigrate = 'no'", "migrate"),
        ("[mojito]\nendpoints = []", "endpoints"),
        ("[mojito.endpoints.default]\npaused = 'x'", "endpoints.default.paused"),
    ];

    for (text, setting) in cases {
        assert_refused(text, &[&format!("`mojito.{setting}` (in TOML source string)")]);
    }
}

/// What stands in the wrong place may be a secret.
#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let cases = [
        ("secrets = 'canary-0123456789abcdefg'", "mojito.endpoints.default.secrets"),
        ("secrets = ['canary-0123456789abcdefg']", "mojito.endpoints.default.secrets"),
        ("secrets = [{ id = 'a', value = ['canary-0123456789abcdefg'] }]", "mojito.endpoints.default.secrets"),
        ("paused = 'canary-0123456789abcdefg'", "mojito.endpoints.default.paused"),
    ];

    for (text, setting) in cases {
        assert_refused(&format!("[mojito.endpoints.default]\n{text}"), &[setting]);
    }
    assert_refused("[mojito.endpoints]\ndefault = 'canary-0123456789abcdefg'", &["mojito.endpoints.default"]);
}

/// So it is when a bracket is missing in `ROCKET_MOJITO`: Figment takes the whole for a text.
#[test]
fn a_configuration_that_is_one_text_is_not_repeated() {
    let text = r#"mojito = '{endpoints={default={secrets=[{id="a",value="canary-0123456789abcdefg"}]}'"#;

    assert_refused(text, &["`mojito`", "a text where"]);
}

#[tokio::test]
async fn without_any_setting_the_launch_says_what_is_missing() {
    let config = read("").unwrap();

    assert_config_stops(config, &["no endpoint is configured"]).await;
}

#[tokio::test]
async fn a_zero_where_a_number_must_be_positive_stops_the_launch() {
    let cases: [(&str, Change); 10] = [
        ("body_limit", |config| config.body_limit(ByteUnit::from(0))),
        ("body_deadline", |config| config.body_deadline(Duration::ZERO)),
        ("ack_deadline", |config| config.ack_deadline(Duration::ZERO)),
        ("queue_limit", |config| config.queue_limit(ByteUnit::from(0))),
        ("handler_concurrency", |config| config.handler_concurrency(0)),
        ("handler_timeout", |config| config.handler_timeout(Duration::ZERO)),
        ("lease", |config| config.lease(Duration::ZERO)),
        ("max_attempts", |config| config.max_attempts(0)),
        ("retention_days", |config| config.retention_days(0)),
        ("body_retention_days", |config| config.body_retention_days(0)),
    ];

    for (setting, change) in cases {
        let config = change(MojitoConfig::new().secret("default", secret("a")));

        assert_config_stops(config, &[&format!("`mojito.{setting}` is 0"), "at least 1"]).await;
    }
}

#[test]
fn a_negative_number_of_attempts_cannot_be_set() {
    let error = read("[mojito]\nmax_attempts = -3").unwrap_err().to_string();

    assert!(error.contains("`mojito.max_attempts`"), "{error}");
}

#[tokio::test]
async fn a_zero_that_is_written_stops_the_launch_as_well() {
    let secrets = r#"secrets = [{ id = "a", header = "X-Secret", value = "canary-0123456789abcdefg" }]"#;
    let text = format!("[mojito]\nlease = 0\n[mojito.endpoints.default]\n{secrets}");
    let rocket = Host::builder().config(|_| read(&text).unwrap()).build();

    assert_stops(rocket, &["`mojito.lease` is 0", "at least 1"]).await;
}
