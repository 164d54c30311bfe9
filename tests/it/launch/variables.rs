//! The variables of a process's environment. To set a variable would be unsafe among the threads of the tests.

use super::CANARY;
use crate::harness::{Database, Process, ProcessBuilder, SECRET, try_post};

/// A host whose secret comes from the variable `SECRET`.
fn with_secret(database: &Database, value: &[u8]) -> ProcessBuilder {
    let settings = r#"{endpoints={default={secrets=[{id="a",header="X-Mojito-Secret",env="SECRET"}]}}}"#;
    Process::builder(database).variable("ROCKET_MOJITO", settings.as_bytes()).variable("SECRET", value)
}

/// Checks that a process ends at launch, and says all of `parts` and no secret.
async fn assert_ends(host: &ProcessBuilder, parts: &[&str]) {
    let mut process = host.spawn();

    let status = process.ended().await;

    let log = process.log();
    assert!(!status.success(), "{log}");
    for part in parts {
        assert!(log.contains(part), "`{part}` in {log}");
    }
    assert!(!log.contains(CANARY), "{log}");
}

#[tokio::test]
async fn a_setting_in_a_variable_of_its_own_stops_the_launch() {
    let database = Database::new();
    let cases: [(&str, &[u8], &str); 4] = [
        ("ROCKET_MOJITO_BODY_LIMIT", b"5", "`ROCKET_MOJITO='{body_limit=5}'`"),
        ("ROCKET_MOJITO_MOUNT", b"/canary", "`ROCKET_MOJITO='{mount=\u{2026}}'`"),
        ("rocket_mojito_lease", b"canary\xff", "`ROCKET_MOJITO='{lease=\u{2026}}'`"),
        ("ROCKET_MOJITO_SECRET", b"canary-0123456789abcdefg", "`ROCKET_MOJITO='{"),
    ];

    for (name, value, remedy) in cases {
        let host = Process::builder(&database).variable(name, value);

        assert_ends(&host, &[&format!("`{name}` is not read"), "remove this one", remedy]).await;
    }
}

#[tokio::test]
async fn settings_that_are_not_utf_8_are_not_taken_for_none() {
    let database = Database::new();
    let host = Process::builder(&database).variable("ROCKET_MOJITO", b"{mount=\"/canary\xff\"}");

    assert_ends(&host, &["`ROCKET_MOJITO` is not UTF-8"]).await;
}

#[tokio::test]
async fn a_secret_from_a_variable_is_what_it_holds_without_the_line_end() {
    let database = Database::new();
    for line_end in ["", "\n", "\r\n"] {
        let mut host = with_secret(&database, format!("{SECRET}{line_end}").as_bytes()).start().await;

        let answer = try_post(host.ready().await.unwrap(), "interview_result", b"{}").await.unwrap();

        assert_eq!(answer.status, 200, "{line_end:?}");
    }
}

#[tokio::test]
async fn a_secret_from_a_variable_that_is_not_utf_8_is_told() {
    let database = Database::new();
    let host = with_secret(&database, b"canary-0123456789abcdefg\xff");

    assert_ends(&host, &["the environment variable `SECRET`, which is not UTF-8", "visible ASCII characters"]).await;
}
