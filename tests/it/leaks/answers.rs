use rocket_mojito::{EndpointConfig, MojitoConfig, SecretConfig};

use super::canary::{body, requests, shows};
use crate::harness::{AUTH, BASE, Host, Log};

/// The secret of an endpoint that is paused.
const PAUSED: &str = "paused-0123456789abcdefgh";

/// Every event of the plugin is seen, at every level that `tracing` knows.
#[tokio::test]
async fn neither_an_answer_nor_an_event_shows_what_was_sent() {
    let log = Log::capture();
    let deadline = std::time::Duration::from_millis(50);
    let paused = EndpointConfig::new().secret(SecretConfig::header("paused", AUTH.0, PAUSED)).paused(true);
    let config = |config: MojitoConfig| config.body_deadline(deadline).endpoint("paused", paused);
    let host = Host::builder().config(config).start().await;

    for told in requests() {
        let answer = host.send(&told.bytes).await;
        assert_eq!(answer.status, told.status, "{}", told.line);
        assert!(!shows(&format!("{answer:?}")), "{answer:?}");
    }
    let paused = host.post_with(&format!("{BASE}/paused"), &[(AUTH.0, PAUSED)], &body("8").bytes()).await;
    host.database.run(
        "CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries
                       BEGIN SELECT RAISE(ABORT, 'canary@example.com'); END",
    );
    let refused = host.post("interview_result", &body("6").bytes()).await;
    let last = host.database.deliveries().last().map_or(0, |row| row.id);
    let constraint = format!("ALTER TABLE mojito_deliveries ADD COLUMN canary TEXT CHECK (id <= {last})");
    host.database.run(&format!("DROP TRIGGER refuse; {constraint}"));
    let constrained = host.post("interview_result", &body("7").bytes()).await;

    assert_eq!([paused, refused, constrained].map(|answer| answer.status), [503; 3]);
    host.stop().await;
    let lines = log.lines();
    let standings = ["current", "repeat", "quarantined"].map(|standing| format!("standing=\"{standing}\""));
    for part in standings.iter().map(String::as_str).chain(["\"paused\"", "\"database\"", "check violation"]) {
        assert!(lines.iter().any(|line| line.contains(part)), "{part} in {lines:?}");
    }
    assert_eq!(lines.iter().filter(|line| shows(line)).collect::<Vec<_>>(), [""; 0]);
}
