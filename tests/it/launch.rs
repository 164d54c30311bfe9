//! Every mistake stops the launch, with a sentence that names the setting and the remedy and keeps every secret.

mod attachment;
mod database;
mod endpoints;
mod environment;
mod keys;
mod pool;
mod postgres;
mod secrets;
mod settings;
mod variables;

use rocket::{Build, Rocket};
use rocket_mojito::{MojitoConfig, SecretConfig};

use crate::harness::{Host, HostBuilder, Log};

/// Stands in every secret and password of these tests: no message may hold it.
const CANARY: &str = "canary";

fn secret(id: &str) -> SecretConfig {
    SecretConfig::header(id, "X-Mojito-Secret", format!("{CANARY}-{id}-0123456789abcdef"))
}

/// Checks that the launch stops, and that one logged sentence holds all of `parts`. Gives back the sentence.
async fn assert_stops(rocket: Rocket<Build>, parts: &[&str]) -> String {
    let log = Log::capture();

    let error = rocket.ignite().await.map(drop).expect_err("the launch stops");

    let lines = log.lines();
    let shown = format!("{lines:?} {error} {error:?}");
    let sentences: Vec<&String> = lines.iter().filter(|line| line.starts_with("ERROR ")).collect();
    assert_eq!(sentences.len(), 1, "one sentence: {lines:?}");
    for part in parts {
        assert!(sentences[0].contains(part), "`{part}` in {sentences:?}");
    }
    assert!(!shown.contains(CANARY), "no secret in {shown}");
    sentences[0].clone()
}

/// The same for a configuration in code.
async fn assert_config_stops(config: MojitoConfig, parts: &[&str]) -> String {
    assert!(!format!("{config:?}").contains(CANARY), "no secret in {config:?}");
    let host: HostBuilder = Host::builder().config(|_| config);
    assert_stops(host.build(), parts).await
}
