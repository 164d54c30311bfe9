use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_mojito::{MojitoConfig, SecretConfig};

use super::{CANARY, assert_config_stops};
use crate::harness::Host;

const LIST: &str = "`mojito.endpoints.default.secrets`";

/// A configuration with one secret in the default endpoint, written as in `Rocket.toml`.
fn written(secret: &str) -> MojitoConfig {
    let text = format!("[mojito.endpoints.default]\nsecrets = [{{ {secret} }}]");
    MojitoConfig::from_figment(&Figment::from(Toml::string(&text))).unwrap()
}

fn valued(value: &str) -> MojitoConfig {
    MojitoConfig::new().secret("default", SecretConfig::header("a", "X-Secret", value))
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_or_never_sent_stops_the_launch() {
    let cases = [
        ("", "is empty"),
        ("canary", "has 6 characters, and 24 are the least"),
        ("canary-0123456789abcdef", "has 23 characters, and 24 are the least"),
        ("canary-0123456789abcdef-é", "not visible ASCII"),
        ("canary-0123456789abcdef-\t", "not visible ASCII"),
        ("canary-0123456789\nabcdefgh", "not visible ASCII"),
        (" canary-0123456789abcdefgh", "not visible ASCII"),
        ("canary-0123456789abcdefgh ", "not visible ASCII"),
    ];

    for (value, found) in cases {
        assert_config_stops(valued(value), &["secret `a`", LIST, found, "openssl rand -hex 24"]).await;
    }
}

#[tokio::test]
async fn a_secret_in_quotes_stops_the_launch() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "'canary-0123456789abcdefghi'\n").unwrap();
    let from_file = written(&format!(r#"id = "a", header = "X-Secret", file = "{}""#, file.path().display()));
    let keys = [
        SecretConfig::github("a", "\"canary-0123456789abcdefghi\""),
        SecretConfig::standard_webhooks("a", "\"whsec_canary\""),
    ];
    let of_key = |key| MojitoConfig::new().secret("default", key);
    let quoted = ["\"canary-0123456789abcdefghi\"", "'canary-0123456789abcdefghi'", "\"canary\"", "\"\""].map(valued);

    for config in quoted.into_iter().chain([from_file]).chain(keys.map(of_key)) {
        assert_config_stops(config, &["secret `a`", LIST, "stands in quotes", "remove them"]).await;
    }
    let with_one = Host::builder().config(|_| valued("\"canary-0123456789abcdefghi")).start().await;
    with_one.stop().await;
}

#[tokio::test]
async fn a_secret_of_24_characters_is_long_enough() {
    let host = Host::builder().config(|_| valued("canary-0123456789abcdefg")).start().await;

    host.stop().await;
}

#[tokio::test]
async fn a_secret_without_an_id_stops_the_launch() {
    for id in ["", "  ", "a\u{0}b", "a\nb", &"x".repeat(101)] {
        let config =
            MojitoConfig::new().secret("default", SecretConfig::header(id, "X-Secret", "canary-0123456789abcdefg"));

        let (fault, remedy) = match id.trim() {
            "" => ("empty `id`", "a name of its own"),
            _ => ("an `id` that is longer than 100 bytes or holds control characters", "a short, plain one"),
        };
        assert_config_stops(config, &[LIST, fault, remedy]).await;
    }
}

#[tokio::test]
async fn a_header_name_that_is_none_stops_the_launch() {
    for header in ["", "X Secret", "X-Secret:", "X-Sécret", "X-Secret\r\nY", "(x)"] {
        let secret = SecretConfig::header("a", header, "canary-0123456789abcdefg");
        let config = MojitoConfig::new().secret("default", secret);

        assert_config_stops(config, &["secret `a`", LIST, "for a header name", "set `header`"]).await;
    }
    let without_header = written(r#"id = "a", value = "canary-0123456789abcdefg""#);
    assert_config_stops(without_header, &["secret `a`", LIST, "set `header`"]).await;
}

#[tokio::test]
async fn an_unknown_scheme_stops_the_launch() {
    let config = written(r#"id = "a", scheme = "morse", header = "X-Secret", value = "canary-0123456789abcdefg""#);

    assert_config_stops(config, &["secret `a`", LIST, "unknown scheme `morse`", "`header`"]).await;
}

// Shows F74.
#[tokio::test]
async fn a_secret_that_comes_from_nowhere_or_from_two_places_stops_the_launch() {
    let cases = [
        "",
        r#", value = "canary-0123456789abcdefg", env = "CANARY""#,
        r#", value = "canary-0123456789abcdefg", file = "x""#,
        r#", env = "X", file = "x""#,
        r#", value = "canary-0123456789abcdefg", env = "X", file = "x""#,
    ];

    for sources in cases {
        let config = written(&format!(r#"id = "a", header = "X-Secret"{sources}"#));

        assert_config_stops(config, &["secret `a`", LIST, "exactly one of `value`, `env` and `file`"]).await;
    }
}

#[tokio::test]
async fn a_secret_from_a_variable_that_is_not_set_stops_the_launch() {
    let config = written(r#"id = "a", header = "X-Secret", env = "MOJITO_TEST_THAT_NOBODY_SETS""#);

    assert_config_stops(config, &["secret `a`", LIST, "`MOJITO_TEST_THAT_NOBODY_SETS`, which is not set", "export it"])
        .await;
}

#[tokio::test]
async fn a_secret_from_a_file_that_is_not_there_stops_the_launch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing");
    let config = written(&format!(r#"id = "a", header = "X-Secret", file = "{}""#, path.display()));

    let parts = ["secret `a`", LIST, path.to_str().unwrap(), "cannot be read (entity not found)", "create it"];
    assert_config_stops(config, &parts).await;
}

#[tokio::test]
async fn a_secret_from_a_file_that_is_no_text_stops_the_launch() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary");
    std::fs::write(&binary, b"canary-0123456789abcdefg\xff").unwrap();
    let from = |path: &std::path::Path| written(&format!(r#"id = "a", header = "X", file = "{}""#, path.display()));

    assert_config_stops(from(&binary), &["secret `a`", LIST, "cannot be read", "visible ASCII characters"]).await;
    assert_config_stops(from(folder.path()), &["secret `a`", LIST, "(is a directory)", "name the file in it"]).await;
}

#[tokio::test]
async fn a_secret_from_an_empty_file_stops_the_launch() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "\n").unwrap();
    let config = written(&format!(r#"id = "a", header = "X-Secret", file = "{}""#, file.path().display()));

    assert_config_stops(config, &["secret `a`", LIST, "is empty"]).await;
}

#[tokio::test]
async fn a_secret_from_a_file_is_what_it_holds_without_the_line_end() {
    for line_end in ["", "\n", "\r\n", "\n\n"] {
        let value = format!("{CANARY}-0123456789abcdefg");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{value}{line_end}")).unwrap();
        let config = written(&format!(r#"id = "a", header = "X-Secret", file = "{}""#, file.path().display()));
        let host = Host::builder().config(|_| config).start().await;

        let answer = host.post_with("/webhooks/jobmojito", &[("X-Secret", &value)], b"{}").await;

        assert_eq!(answer.status, 200, "{line_end:?}");
        host.stop().await;
    }
}

#[tokio::test]
async fn a_secret_from_a_variable_is_what_it_holds() {
    // One that is there: to set one would be unsafe among threads.
    let is_fit = |value: &str| value.len() >= 24 && value.bytes().all(|byte| byte.is_ascii_graphic());
    let (name, value) = std::env::vars().find(|(_, value)| is_fit(value)).expect("a variable with a long value");
    let config = written(&format!(r#"id = "a", header = "X-Secret", env = "{name}""#));
    let host = Host::builder().config(|_| config).start().await;

    let answer = host.post_with("/webhooks/jobmojito", &[("X-Secret", &value)], b"{}").await;

    assert_eq!(answer.status, 200);
    host.stop().await;
}

#[tokio::test]
async fn debug_and_errors_show_no_secret() {
    let secret = SecretConfig::header("a", "X-Secret", "canary-0123456789abcdefg");
    let config = MojitoConfig::new().secret("default", secret.clone());

    let shown = format!("{secret:?} {config:?} {config:#?}");

    assert!(shown.contains("X-Secret"), "{shown}");
    assert!(!shown.contains(CANARY), "{shown}");
}
