use std::process::Stdio;

use super::{command_line, on_each_database, run};
use crate::harness::{Ledger, Process, TestDatabase, until};

on_each_database!(
    a_paced_discard_is_cancelled_from_another_process,
    a_paced_discard_that_dies_at_a_step_is_taken_over_behind_that,
);

/// How many results wait.
const RESULTS: usize = 6;

/// A host whose handler is paused from its launch on, with so many results that wait for it.
async fn paused_host(database: &impl TestDatabase) -> Process {
    let (mut first, ledger) = (Process::builder(database).start().await, Ledger::default());
    run(database, &["pause", "handler", "effects", "--why", "no paper", "--yes"]);
    first.kill();
    let mut host = Process::builder(database).start().await;
    for number in 0..RESULTS {
        host.acknowledges(&ledger, &format!("r-{number}")).await;
    }
    host
}

/// State and progress of the discard, and its number of discarded rows.
async fn discard(database: &impl TestDatabase) -> (String, usize, usize) {
    let query = "SELECT state || ' ' || CAST(affected AS TEXT) || ' ' || CAST(meant AS TEXT) AS value
                 FROM mojito_audit WHERE action = 'discard'";
    let rows = database.query(query).await;
    let Some(row) = rows.first() else { return (String::new(), 0, 0) };
    let words: Vec<&str> = row.split(' ').collect();
    assert_eq!(words[2], RESULTS.to_string(), "it is meant to concern every result");
    let discarded = database.query("SELECT 'x' AS value FROM mojito_work WHERE state = 'discarded'").await.len();
    (words[0].to_owned(), words[1].parse().unwrap(), discarded)
}

// Shows O05.
async fn a_paced_discard_is_cancelled_from_another_process(database: &impl TestDatabase) {
    let _host = paused_host(database).await;
    let mut command = command_line(database, &["discard", "--all", "--per-second", "1", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("two steps are made", async || match discard(database).await {
        (_, affected, _) if affected >= 2 => Ok(()),
        other => Err(other),
    })
    .await;
    let id = database.query("SELECT CAST(id AS TEXT) AS value FROM mojito_audit WHERE action = 'discard'").await;

    run(database, &["cancel", &id[0], "--yes"]);
    let code = child.wait().unwrap().code();

    let (state, affected, discarded) = discard(database).await;
    assert_eq!((code, state.as_str(), affected), (Some(3), "cancelled", discarded));
    assert!(affected < RESULTS, "{affected}");
}

// Shows O06.
async fn a_paced_discard_that_dies_at_a_step_is_taken_over_behind_that(database: &impl TestDatabase) {
    let _host = paused_host(database).await;
    let mut command = command_line(database, &["discard", "--all", "--per-second", "10", "--yes"]);

    let died = command.env("MOJITO_FAILPOINT", "action.step:3").output().unwrap();
    let left = discard(database).await;
    until("the host has taken it over", async || match discard(database).await {
        ended if ended == ("done".to_owned(), RESULTS, RESULTS) => Ok(()),
        other => Err(other),
    })
    .await;

    assert!(!died.status.success(), "{died:?}");
    assert_eq!(left, ("running".to_owned(), 3, 3));
}
