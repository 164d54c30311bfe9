use std::time::{Duration, Instant};

use super::{on_each_database, run};
use crate::harness::{Body, Ledger, Process, TestDatabase, drained, until};

on_each_database!(
    a_pause_of_an_endpoint_holds_in_every_process_and_after_a_restart,
    a_pause_of_a_handler_holds_in_every_process_and_loses_nothing,
);

/// The two seconds of the promise, with something for a busy machine.
const LONGEST: Duration = Duration::from_secs(2 + 3);

/// Waits until a host answers a new delivery with this status, and says how long that took.
async fn answers(host: &mut Process, status: u16) -> Duration {
    let began = Instant::now();
    let body = Body::result("probe").bytes();
    until("the host follows", async || match host.post("interview_result", &body).await {
        Some(answer) if answer.status == status => Ok(()),
        answer => Err(answer),
    })
    .await;
    began.elapsed()
}

// Shows O03.
async fn a_pause_of_an_endpoint_holds_in_every_process_and_after_a_restart(database: &impl TestDatabase) {
    let host = Process::builder(database);
    let (mut one, mut other, ledger) = (host.start().await, host.start().await, Ledger::default());
    one.acknowledges(&ledger, "r-1").await;
    other.acknowledges(&ledger, "r-2").await;

    run(database, &["pause", "endpoint", "default", "--why", "the disk is full", "--yes"]);
    let paused = [answers(&mut one, 503).await, answers(&mut other, 503).await];
    other.kill();
    let mut other = host.start().await;
    let restarted = other.post("interview_result", &Body::result("r-3").bytes()).await.unwrap().status;

    assert!(paused.iter().all(|took| *took < LONGEST), "{paused:?}");
    assert_eq!(restarted, 503, "from its first request on");
    let status = run(database, &["status"]);
    assert!(status.contains(r#""actor":"anna","reason":"the disk is full","setting":null"#), "{status}");

    run(database, &["resume", "endpoint", "default", "--yes"]);
    let resumed = [answers(&mut one, 200).await, answers(&mut other, 200).await];

    assert!(resumed.iter().all(|took| *took < LONGEST), "{resumed:?}");
}

// Shows O03.
async fn a_pause_of_a_handler_holds_in_every_process_and_loses_nothing(database: &impl TestDatabase) {
    let host = Process::builder(database);
    let (mut one, ledger) = (host.start().await, Ledger::default());
    one.acknowledges(&ledger, "r-1").await;
    drained(database).await;
    one.kill();

    run(database, &["pause", "handler", "effects", "--why", "the printer is empty", "--yes"]);
    let (mut one, mut other) = (host.start().await, host.start().await);
    for number in 0..4 {
        one.acknowledges(&ledger, &format!("one-{number}")).await;
        other.acknowledges(&ledger, &format!("other-{number}")).await;
    }
    let waiting = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_work WHERE state = 'pending' AND attempt = 0";
    let waiting = database.query(waiting).await;
    run(database, &["resume", "handler", "effects", "--yes"]);
    drained(database).await;

    assert_eq!(waiting, ["8"]);
    let effects = database.query("SELECT CAST(count(DISTINCT result_id) AS TEXT) AS value FROM effects").await;
    assert_eq!(effects, ["9"]);
}
