//! A defect of the plugin's own: a task panics. It is started again, and what it does goes on.

use std::sync::Arc;

use crate::harness::{Database, FinalState, Ledger, Process, eventually, overlaps, rounds, settled};

const HANDLERS: [&str; 2] = ["effects", "external"];

/// Posts to a host one of whose tasks panics, until that has happened and all is done.
async fn survives(point: &str, task: &str, handlers: &str, rounds: u32) -> FinalState {
    let mut last = None;
    for times in 1..=rounds as usize {
        let database = Arc::new(Database::with_effects());
        let host = Process::builder(&database).handlers(handlers).setting("lease", 2).panic_at(point, times);
        let ledger = Ledger::default();
        let mut process = host.start().await;
        for number in 0..8 {
            process.acknowledges(&ledger, &format!("r-{number}")).await;
        }
        let line = format!("task=\"{task}\"");
        let has_panicked =
            |line_of: &str| line_of.contains("a task panicked and is started again") && line_of.contains(&line);
        eventually("the task has panicked", || process.log().lines().any(has_panicked)).await;
        process.acknowledges(&ledger, "afterwards").await;

        let final_state = settled(&database, &ledger, &HANDLERS).await;
        assert_eq!(final_state.discarded().len(), 0);
        assert!(!process.has_ended(), "the process lives");
        last = Some(final_state);
    }
    last.expect("a round at least")
}

// Shows F54.
#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_panics_is_started_again_and_loses_no_work() {
    survives("executor.loop", "executor", "effects:plain,external:external", rounds(4, 100)).await;
}

// Shows F54.
#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_panics_is_started_again_before_a_lease_lapses() {
    let final_state =
        survives("heartbeat.loop", "heartbeat", "effects:slow:3000,external:external", rounds(2, 20)).await;

    assert!(final_state.work.iter().all(|work| work.attempt == 1), "{:?}", final_state.work);
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
}
