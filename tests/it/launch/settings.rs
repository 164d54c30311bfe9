use std::time::Duration;

use rocket::data::ByteUnit;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_mojito::{Actor, MojitoConfig};

use super::{CANARY, assert_config_stops, assert_stops, secret};
use crate::harness::{Body, Host};

type Change = fn(MojitoConfig) -> MojitoConfig;

fn read(text: &str) -> Result<MojitoConfig, rocket_mojito::Error> {
    MojitoConfig::from_figment(&Figment::from(Toml::string(text)))
}

/// Checks that a text is refused with a sentence that holds all of `parts` and no secret. Gives back the sentence.
fn assert_refused(text: &str, parts: &[&str]) -> String {
    let error = read(text).map(drop).expect_err(text);

    let shown = format!("{error} {error:?}");
    assert!(error.is_config() && !error.is_unavailable());
    for part in parts {
        assert!(shown.contains(part), "`{part}` in {shown}");
    }
    assert!(!shown.contains(CANARY), "no secret in {shown}");
    error.to_string()
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
        silence_alert = 48
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

// Shows F74.
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
    let seconds = "write whole seconds from 1 to 3600, such as `10`";
    let bytes = "write a number of bytes from 1 to 64 MiB, such as `\"1 MiB\"`";
    let cases = [
        ("mount = 5", "mount", "a whole number: write a path in quotes"),
        ("body_limit = 'much'", "body_limit", bytes),
        ("body_limit = '5 minutes'", "body_limit", bytes),
        ("body_limit = true", "body_limit", bytes),
        ("queue_limit = 1.5", "queue_limit", "write a number of bytes from 1 to 256 MiB"),
        ("body_deadline = '5'", "body_deadline", seconds),
        ("body_deadline = 0.5", "body_deadline", seconds),
        ("ack_deadline = -1", "ack_deadline", seconds),
        ("lease = '15s'", "lease", seconds),
        ("poll_interval = []", "poll_interval", seconds),
        ("handler_timeout = '5m'", "handler_timeout", "write whole seconds from 1 to 86400"),
        ("max_attempts = 'many'", "max_attempts", "write a whole number from 1 to 1000"),
        ("max_attempts = -3", "max_attempts", "write a whole number from 1 to 1000"),
        ("max_attempts = 70000", "max_attempts", "write a whole number from 1 to 1000"),
        ("retention_days = 5000000000", "retention_days", "write whole days from 1 to 36500"),
        ("retention_days = '1 year'", "retention_days", "write whole days from 1 to 36500"),
        ("handler_concurrency = -1", "handler_concurrency", "write a whole number from 1 to 1000"),
        ("migrate = 'no'", "migrate", "a text: write `true` or `false`"),
        ("allow_ephemeral = 1", "allow_ephemeral", "a whole number: write `true` or `false`"),
        ("paused_handlers = 'Desk'", "paused_handlers", "a text: write a list of names of handlers"),
        ("endpoints = []", "endpoints", "a list: write a table with one table for each endpoint"),
        ("endpoints.lease = 5", "endpoints.lease", "a whole number: write a table"),
        ("endpoints.default.paused = 'x'", "endpoints.default.paused", "a text: write `true` or `false`"),
        ("endpoints.default.secrets = 5", "endpoints.default.secrets", "a whole number: write a list of tables"),
        ("endpoints.default.secrets = [{ id = 5 }]", "endpoints.default.secrets", "a whole number: write a text"),
    ];

    for (text, setting, remedy) in cases {
        let sentence = assert_refused(&format!("[mojito]\n{text}"), &[&format!("`mojito.{setting}"), remedy]);

        let is_plain = !["u64", "u32", "u16", "usize", "struct", "sequence", "map", "string,"]
            .iter()
            .any(|word| sentence.contains(word));
        assert!(is_plain && sentence.contains("(in TOML source string)"), "{sentence}");
    }
}

/// A value in the wrong place may be a secret.
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

    assert_refused(text, &["`mojito`", "a text: write a table of settings", "every bracket and quote closed"]);
}

/// The parser quotes the line.
#[test]
fn a_file_that_is_no_toml_is_told_with_the_place_alone() {
    assert_refused(
        "[mojito]\nmount = '/x'\nvalue = 'canary",
        &["cannot be read as TOML, line 3, column", "correct it there"],
    );
}

#[test]
fn a_secret_without_an_id_is_told_what_is_missing() {
    assert_refused(
        "[mojito.endpoints.default]\nsecrets = [{ header = 'X', value = 'canary-0123456789abcdefg' }]",
        &["`mojito.endpoints.default.secrets", "`id` is missing: add it"],
    );
}

#[tokio::test]
async fn without_any_setting_the_launch_says_what_is_missing() {
    let config = read("").unwrap();

    assert_config_stops(config, &["no endpoint is configured"]).await;
}

#[tokio::test]
async fn a_zero_where_a_number_must_be_positive_stops_the_launch() {
    let cases: [(&str, Change); 11] = [
        ("body_limit", |config| config.body_limit(ByteUnit::from(0))),
        ("body_deadline", |config| config.body_deadline(Duration::ZERO)),
        ("ack_deadline", |config| config.ack_deadline(Duration::ZERO)),
        ("queue_limit", |config| config.queue_limit(ByteUnit::from(0))),
        ("handler_concurrency", |config| config.handler_concurrency(0)),
        ("handler_timeout", |config| config.handler_timeout(Duration::ZERO)),
        ("lease", |config| config.lease(Duration::ZERO)),
        ("poll_interval", |config| config.poll_interval(Duration::ZERO)),
        ("max_attempts", |config| config.max_attempts(0)),
        ("retention_days", |config| config.retention_days(0)),
        ("body_retention_days", |config| config.body_retention_days(0)),
    ];

    for (setting, change) in cases {
        let config = change(MojitoConfig::new().secret("default", secret("a")));

        assert_config_stops(config, &[&format!("`mojito.{setting}` is 0: write "), " from 1 to "]).await;
    }
}

#[tokio::test]
async fn a_number_that_is_too_large_stops_the_launch() {
    const LARGEST: u64 = i64::MAX as u64;
    let cases: [(&str, Change); 22] = [
        ("body_limit", |config| config.body_limit(ByteUnit::from(LARGEST))),
        ("body_limit", |config| config.body_limit(ByteUnit::Mebibyte(64) + 1)),
        ("body_deadline", |config| config.body_deadline(Duration::from_secs(LARGEST))),
        ("body_deadline", |config| config.body_deadline(Duration::from_secs(3601))),
        ("ack_deadline", |config| config.ack_deadline(Duration::MAX)),
        ("ack_deadline", |config| config.ack_deadline(Duration::from_secs(3601))),
        ("queue_limit", |config| config.queue_limit(ByteUnit::max_value())),
        ("queue_limit", |config| config.queue_limit(ByteUnit::Mebibyte(256) + 1)),
        ("handler_concurrency", |config| config.handler_concurrency(usize::MAX)),
        ("handler_concurrency", |config| config.handler_concurrency(1_001)),
        ("handler_timeout", |config| config.handler_timeout(Duration::MAX)),
        ("handler_timeout", |config| config.handler_timeout(Duration::from_secs(86_401))),
        ("lease", |config| config.lease(Duration::MAX)),
        ("lease", |config| config.lease(Duration::from_secs(3601))),
        ("poll_interval", |config| config.poll_interval(Duration::MAX)),
        ("poll_interval", |config| config.poll_interval(Duration::from_secs(3601))),
        ("max_attempts", |config| config.max_attempts(u16::MAX)),
        ("max_attempts", |config| config.max_attempts(1_001)),
        ("retention_days", |config| config.retention_days(u32::MAX)),
        ("retention_days", |config| config.retention_days(36_501)),
        ("body_retention_days", |config| config.body_retention_days(u32::MAX)),
        ("body_retention_days", |config| config.body_retention_days(36_501)),
    ];

    for (setting, change) in cases {
        let config = change(MojitoConfig::new().secret("default", secret("a")));

        assert_config_stops(config, &[&format!("`mojito.{setting}` is "), ": write ", " from 1 to "]).await;
    }
}

/// A number in a file means the same as one that code sets.
#[tokio::test]
async fn a_deadline_that_no_clock_can_add_stops_the_launch() {
    let secrets = r#"secrets = [{ id = "a", header = "X-Secret", value = "canary-0123456789abcdefg" }]"#;
    let text = format!("[mojito]\nbody_deadline = 9223372036854775807\n[mojito.endpoints.default]\n{secrets}");

    let config = read(&text).unwrap();

    let parts = ["`mojito.body_deadline` is 9223372036854775807: write whole seconds from 1 to 3600"];
    assert_config_stops(config, &parts).await;
}

#[tokio::test]
async fn a_host_works_with_each_number_at_its_most() {
    let host = Host::builder()
        .config(|config| {
            config
                .body_limit(ByteUnit::Mebibyte(64))
                .body_deadline(Duration::from_secs(3600))
                .ack_deadline(Duration::from_secs(3600))
                .queue_limit(ByteUnit::Mebibyte(256))
                .handler_concurrency(1_000)
                .handler_timeout(Duration::from_secs(86_400))
                .lease(Duration::from_secs(3600))
                .poll_interval(Duration::from_secs(3600))
                .max_attempts(1_000)
                .retention_days(36_500)
                .body_retention_days(36_500)
        })
        .start()
        .await;
    let small = Body::result("small").bytes();
    let large = Body::result("large").with("ai_analysis", "x".repeat(40 << 20)).bytes();

    let answers = [host.post("interview_result", &small).await, host.post("interview_result", &large).await];
    let pruned = host.inbox.prune(Actor::new("test")).await.unwrap();

    assert_eq!(answers.map(|answer| answer.status), [200, 200]);
    assert_eq!((pruned.bodies, pruned.deliveries), (0, 0));
    host.stop().await;
}

#[tokio::test]
async fn a_zero_that_is_written_stops_the_launch_as_well() {
    let secrets = r#"secrets = [{ id = "a", header = "X-Secret", value = "canary-0123456789abcdefg" }]"#;
    let text = format!("[mojito]\nlease = 0\n[mojito.endpoints.default]\n{secrets}");
    let rocket = Host::builder().config(|_| read(&text).unwrap()).build();

    assert_stops(rocket, &["`mojito.lease` is 0: write whole seconds from 1 to 3600"]).await;
}
