use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_mojito::{MojitoConfig, SecretConfig};

use super::{CANARY, assert_config_stops, secret};
use crate::harness::base64;

const LIST: &str = "`mojito.endpoints.default.secrets`";
const VALUE: &str = "canary-0123456789abcdefg";

/// A configuration with one key in the default endpoint, written as in `Rocket.toml`.
fn read(secret: &str) -> Result<MojitoConfig, String> {
    let text = format!("[mojito.endpoints.default]\nsecrets = [{{ id = \"a\", {secret} }}]");
    MojitoConfig::from_figment(&Figment::from(Toml::string(&text))).map_err(|error| error.to_string())
}

fn written(secret: &str) -> MojitoConfig {
    read(secret).unwrap()
}

#[tokio::test]
async fn a_key_of_standard_webhooks_that_is_none_stops_the_launch() {
    let of = |length: usize| format!("whsec_{}", base64(&vec![b'x'; length]));
    let cases = [
        (String::new(), "does not begin with `whsec_`"),
        (VALUE.to_owned(), "does not begin with `whsec_`"),
        (base64(&[b'x'; 32]), "does not begin with `whsec_`"),
        (of(32).replace("whsec_", "WHSEC_"), "does not begin with `whsec_`"),
        (of(32).replace("whsec_", "whsk_"), "does not begin with `whsec_`"),
        (format!(" {}", of(32)), "does not begin with `whsec_`"),
        ("whsec_".to_owned(), "a key of 0 bytes, and 24 to 64 are allowed"),
        (of(23), "a key of 23 bytes, and 24 to 64 are allowed"),
        (of(65), "a key of 65 bytes, and 24 to 64 are allowed"),
        (format!("whsec_{VALUE}"), "is not base64 after `whsec_`"),
        (of(32).trim_end_matches('=').to_owned(), "is not base64 after `whsec_`"),
        (format!("{} ", of(32)), "is not base64 after `whsec_`"),
        (of(32).replace("whsec_", "whsec_-_"), "is not base64 after `whsec_`"),
    ];

    for (value, found) in cases {
        let config = MojitoConfig::new().secret("default", SecretConfig::standard_webhooks("a", &value));

        let sentence =
            assert_config_stops(config, &["secret `a`", LIST, found, "echo whsec_$(openssl rand -base64 32)"]).await;

        assert!(value.len() < 8 || !sentence.contains(value.trim()), "{sentence}");
    }
}

#[tokio::test]
async fn a_key_that_can_be_guessed_stops_the_launch() {
    let cases = [
        ("", "is empty"),
        ("canary-0123456789abcdef", "has 23 characters, and 24 are the least"),
        ("canary-0123456789abcdef-\u{e9}", "not visible ASCII"),
    ];
    for (value, found) in cases {
        let keys = [
            SecretConfig::github("a", value),
            SecretConfig::stripe("a", value),
            SecretConfig::hmac("a", "X-Signature", value),
        ];
        for key in keys {
            let config = MojitoConfig::new().secret("default", key);

            assert_config_stops(config, &["secret `a`", LIST, found, "take it from the gateway as it is"]).await;
        }
    }
}

#[tokio::test]
async fn a_setting_that_the_scheme_does_not_look_at_stops_the_launch() {
    let key = format!("whsec_{}", base64(&[b'x'; 32]));
    let cases = [
        (format!(r#"header = "X", encoding = "hex", value = "{VALUE}""#), "`encoding`", "`header`"),
        (format!(r#"header = "X", timestamp_header = "Y", value = "{VALUE}""#), "`timestamp_header`", "`header`"),
        (format!(r#"scheme = "standard-webhooks", header = "X", value = "{key}""#), "`header`", "`standard-webhooks`"),
        (
            format!(r#"scheme = "standard-webhooks", prefix = "v1,", value = "{key}""#),
            "`prefix`",
            "`standard-webhooks`",
        ),
        (format!(r#"scheme = "github", header = "X", value = "{VALUE}""#), "`header`", "`github`"),
        (format!(r#"scheme = "github", encoding = "base64", value = "{VALUE}""#), "`encoding`", "`github`"),
        (format!(r#"scheme = "stripe", header = "X", value = "{VALUE}""#), "`header`", "`stripe`"),
        (
            format!(r#"scheme = "hmac", header = "X", header_prefix = "x", value = "{VALUE}""#),
            "`header_prefix`",
            "`hmac`",
        ),
    ];

    for (settings, setting, scheme) in cases {
        assert_config_stops(written(&settings), &["secret `a`", LIST, setting, scheme, "remove it"]).await;
    }
}

#[tokio::test]
async fn headers_of_a_key_that_are_none_stop_the_launch() {
    let key = format!("whsec_{}", base64(&[b'x'; 32]));
    let cases = [
        (format!(r#"scheme = "hmac", value = "{VALUE}""#), "set `header`"),
        (format!(r#"scheme = "hmac", header = "X Y", value = "{VALUE}""#), "set `header`"),
        (
            format!(r#"scheme = "hmac", header = "X", timestamp_header = "", value = "{VALUE}""#),
            "set `timestamp_header`",
        ),
        (format!(r#"scheme = "hmac", header = "X", timestamp_header = "x", value = "{VALUE}""#), "name two"),
        (format!(r#"scheme = "hmac", header = "X", prefix = "\u0007", value = "{VALUE}""#), "`prefix`"),
        (format!(r#"scheme = "standard-webhooks", header_prefix = "", value = "{key}""#), "set `header_prefix`"),
        (format!(r#"scheme = "standard-webhooks", header_prefix = "a b", value = "{key}""#), "set `header_prefix`"),
    ];

    for (settings, found) in cases {
        assert_config_stops(written(&settings), &["secret `a`", LIST, found]).await;
    }
}

// Shows F74.
#[tokio::test]
async fn a_scheme_or_encoding_that_is_unknown_stops_the_launch() {
    for scheme in ["ed25519", "v1a", "Standard-Webhooks", "sha1", ""] {
        let config = written(&format!(r#"scheme = "{scheme}", header = "X", value = "{VALUE}""#));
        let known = ["`header`", "`standard-webhooks`", "`github`", "`stripe`", "`hmac`"];

        assert_config_stops(config, &[&[LIST, &format!("unknown scheme `{scheme}`")], &known[..]].concat()).await;
    }
    let unknown =
        read(&format!(r#"scheme = "hmac", header = "X", encoding = "canary", value = "{VALUE}""#)).unwrap_err();
    assert!(unknown.contains("encoding") && unknown.contains("`hex`, `base64`"), "{unknown}");
    assert!(!unknown.contains(CANARY), "{unknown}");
}

#[tokio::test]
async fn a_value_that_serves_two_purposes_stops_the_launch() {
    let value = format!("{CANARY}-same-0123456789abcdef");
    let config = || MojitoConfig::new().secret("a", secret("same"));

    let as_key_there = config().secret("b", SecretConfig::github("key", &value));
    let as_key_here = config().secret("a", SecretConfig::stripe("key", &value));
    let in_two_schemes = MojitoConfig::new()
        .secret("a", SecretConfig::github("one", &value))
        .secret("a", SecretConfig::hmac("two", "X-Signature", &value));

    assert_config_stops(as_key_there, &["`a` and `b`", "`key`", "give each a secret of its own"]).await;
    assert_config_stops(as_key_here, &["`key`", "`mojito.endpoints.a.secrets`", "scheme `header`"]).await;
    assert_config_stops(in_two_schemes, &["`two`", "`mojito.endpoints.a.secrets`", "scheme `github`"]).await;
}

#[tokio::test]
async fn an_id_that_a_secret_and_a_key_share_stops_the_launch() {
    let config = MojitoConfig::new().secret("default", secret("x")).secret("default", SecretConfig::github("x", VALUE));

    assert_config_stops(config, &["`x` stands twice", "a name of its own"]).await;
}

#[test]
fn debug_shows_no_key() {
    let keys = [
        SecretConfig::standard_webhooks("a", "whsec_canary"),
        SecretConfig::hmac("a", "X-Signature", "canary").prefix("sha256=").timestamp_header("X-Time"),
    ];

    let shown = format!("{keys:?} {keys:#?}");

    assert!(shown.contains("standard-webhooks") && shown.contains("X-Signature"), "{shown}");
    assert!(!shown.contains(CANARY), "{shown}");
}
