use super::canary::{body, requests, shows};
use crate::harness::{Host, Log};

/// Every event of the plugin is seen, at every level that `tracing` knows.
#[tokio::test]
async fn neither_an_answer_nor_an_event_shows_what_was_sent() {
    let log = Log::capture();
    let deadline = std::time::Duration::from_millis(50);
    let host = Host::builder().config(|config| config.body_deadline(deadline)).start().await;

    for told in requests() {
        let answer = host.send(&told.bytes).await;
        assert_eq!(answer.status, told.status, "{}", told.line);
        assert!(!shows(&format!("{answer:?}")), "{answer:?}");
    }
    host.database.run(
        "CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries
                       BEGIN SELECT RAISE(ABORT, 'canary@example.com'); END",
    );
    let refused = host.post("interview_result", &body("6").bytes()).await;
    let last = host.database.deliveries().last().map_or(0, |row| row.id);
    let constraint = format!("ALTER TABLE mojito_deliveries ADD COLUMN canary TEXT CHECK (id <= {last})");
    host.database.run(&format!("DROP TRIGGER refuse; {constraint}"));
    let constrained = host.post("interview_result", &body("7").bytes()).await;

    assert_eq!((refused.status, constrained.status), (503, 503));
    host.stop().await;
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains("check violation")), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| shows(line)).collect::<Vec<_>>(), [""; 0]);
}
