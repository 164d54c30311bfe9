use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{command_line, on_each_database, run};
use crate::harness::{Ledger, Process, TestDatabase, drained, until};

on_each_database!(
    a_replay_whose_process_is_killed_is_taken_over_and_replays_each_row_once,
    a_replay_that_dies_at_a_step_is_taken_over_behind_that,
    a_replay_is_cancelled_from_another_process,
    a_replay_that_is_interrupted_on_its_terminal_is_not_taken_over,
);

/// How many results there are to replay.
const RESULTS: usize = 12;

/// A host that has handled so many results.
async fn host(database: &impl TestDatabase) -> Process {
    let (mut host, ledger) = (Process::builder(database).start().await, Ledger::default());
    for number in 0..RESULTS {
        host.acknowledges(&ledger, &format!("r-{number}")).await;
    }
    drained(database).await;
    host
}

/// A command that replays everything, one delivery at a time, and has begun.
async fn replaying(database: &impl TestDatabase, per_second: &str) -> Child {
    let mut command = command_line(database, &["replay", "--all", "--per-second", per_second, "--yes"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("some steps are made", async || {
        let affected = database.query("SELECT CAST(affected AS TEXT) AS value FROM mojito_audit").await;
        if affected.iter().any(|affected| affected.parse::<usize>().unwrap() >= 2) { Ok(()) } else { Err(affected) }
    })
    .await;
    child
}

fn signal(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(id, signal).unwrap();
}

/// State and progress of the one action.
async fn action(database: &impl TestDatabase) -> (String, usize) {
    let query =
        "SELECT state || ' ' || CAST(affected AS TEXT) || ' ' || CAST(meant AS TEXT) AS value FROM mojito_audit";
    let rows = database.query(query).await;
    let [row] = &rows[..] else { panic!("one action: {rows:?}") };
    let words: Vec<&str> = row.split(' ').collect();
    assert_eq!(words[2], RESULTS.to_string(), "it is meant to concern every result");
    (words[0].to_owned(), words[1].parse().unwrap())
}

/// How often each result was handled.
async fn handled(database: &impl TestDatabase) -> Vec<String> {
    drained(database).await;
    database.query("SELECT CAST(count(*) AS TEXT) AS value FROM effects GROUP BY result_id ORDER BY 1").await
}

// Shows O06.
async fn a_replay_whose_process_is_killed_is_taken_over_and_replays_each_row_once(database: &impl TestDatabase) {
    let _host = host(database).await;
    let mut child = replaying(database, "4").await;

    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let left = action(database).await;
    let taken = until("the host has taken it over", async || match action(database).await {
        (state, affected) if state == "done" => Ok(affected),
        other => Err(other),
    })
    .await;

    assert!(left.0 == "running" && left.1 < RESULTS, "it was killed in the middle: {left:?}");
    assert_eq!((taken, handled(database).await), (RESULTS, vec!["2".to_owned(); RESULTS]));
}

// Shows O06.
async fn a_replay_that_dies_at_a_step_is_taken_over_behind_that(database: &impl TestDatabase) {
    let _host = host(database).await;
    let mut command = command_line(database, &["replay", "--all", "--per-second", "10", "--yes"]);

    let died = command.env("MOJITO_FAILPOINT", "action.step:5").output().unwrap();
    let left = action(database).await;
    until("the host has taken it over", async || match action(database).await {
        (state, RESULTS) if state == "done" => Ok(()),
        other => Err(other),
    })
    .await;

    assert!(!died.status.success(), "{died:?}");
    assert_eq!(left, ("running".to_owned(), 5));
    assert_eq!(handled(database).await, vec!["2".to_owned(); RESULTS]);
}

// Shows O05.
async fn a_replay_is_cancelled_from_another_process(database: &impl TestDatabase) {
    let _host = host(database).await;
    let mut child = replaying(database, "1").await;
    let id = database.query("SELECT CAST(id AS TEXT) AS value FROM mojito_audit").await.remove(0);

    let cancelled = run(database, &["cancel", &id, "--yes"]);
    let code = child.wait().unwrap().code();

    let (state, affected) = action(database).await;
    assert_eq!((code, state.as_str()), (Some(3), "cancelled"));
    assert!(cancelled.contains(r#""state":"cancelled""#), "{cancelled}");
    let twice = handled(database).await.into_iter().filter(|times| times == "2").count();
    assert!(twice == affected && affected < RESULTS, "{twice} of {affected}");
    let watched = run(database, &["audit", "--watch"]);
    assert_eq!(watched.lines().count(), 1, "nothing runs any more: {watched}");
}

// Shows O07.
async fn a_replay_that_is_interrupted_on_its_terminal_is_not_taken_over(database: &impl TestDatabase) {
    let _host = host(database).await;
    let mut child = replaying(database, "1").await;

    signal(&child, Signal::INT);
    let code = child.wait().unwrap().code();
    let ended = action(database).await;

    assert_eq!((code, ended.0.as_str()), (Some(3), "cancelled"));
    assert!(ended.1 < RESULTS, "{ended:?}");
}
