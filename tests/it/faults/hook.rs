//! Processes that die around the hook of a handler whose work failed for good.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use super::cluster::{host, post, settled};
use crate::harness::{EntryKind, Ledger, PostgresDatabase, rounds};

const OWED: &str = "SELECT count(*) FROM mojito_work WHERE hook_due_at IS NULL AND state = 'discarded'";

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_a_dead_process_owed_is_called_by_another() {
    for point in ["hook.taken", "hook.called"] {
        for _ in 0..rounds(1, 10) {
            let database = PostgresDatabase::shared().await;
            let host = host(&database).handlers("effects:refuse");
            let ledger = Ledger::default();
            let mut armed = host.clone().fail_at(point, 1).spawn();
            let address = armed.ready().await.expect("it listens");
            post(address, &ledger, "poison", "first").await;
            let died = armed.ended().await;
            assert_eq!(died.signal(), Some(Signal::ABORT.as_raw()), "it dies at {point}");
            database.run("UPDATE mojito_work SET hook_due_at = '2001-01-01' WHERE hook_due_at IS NOT NULL").await;

            let _next = host.start().await;
            database.wait_until("nothing is owed", OWED, 1).await;

            let final_state = settled(&database, &ledger, &["effects"]).await;
            let calls = final_state.journal.iter().filter(|entry| entry.kind == EntryKind::Discarded);
            let processes: Vec<i64> = calls.map(|entry| entry.process).collect();
            assert_eq!(processes.len(), if point == "hook.called" { 2 } else { 1 });
            assert_eq!(final_state.discarded().len(), 1);
        }
    }
}

/// The last attempt kills its process: another one gives the work up, and calls the hook.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_rescues_the_last_attempt_calls_the_hook() {
    let database = PostgresDatabase::shared().await;
    let host = host(&database).setting("max_attempts", 1).setting("lease", 1).handlers("effects:abort");
    let ledger = Ledger::default();
    let mut dying = host.spawn();
    let address = dying.ready().await.expect("it listens");
    post(address, &ledger, "poison", "first").await;
    let died = dying.ended().await;
    assert_eq!(died.signal(), Some(Signal::ABORT.as_raw()));

    let next = host.start().await;
    database.wait_until("nothing is owed", OWED, 1).await;

    let told = database.journal_entries().into_iter().filter(|entry| entry.kind == EntryKind::Discarded);
    assert_eq!(told.map(|entry| entry.process).collect::<Vec<_>>(), [next.id()]);
}
