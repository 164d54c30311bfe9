use std::sync::Arc;
use std::time::Duration;

use mojito_schema::State;
use rustix::process::Signal;

use crate::harness::{
    Database, EntryKind, FinalState, JournalEntry, Ledger, Process, TestDatabase, drained, found, overlaps, rounds,
    settled,
};

// Shows F50.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_renewed_is_never_taken_over() {
    let database = Arc::new(Database::with_effects());
    let host =
        Process::builder(&database).setting("lease", 2).handlers(format!("effects:slow:{}", rounds(7, 20) * 1000));
    let ledger = Ledger::default();
    let mut hosts = [host.start().await, host.start().await];

    for number in 0..4 {
        hosts[number % 2].acknowledges(&ledger, &format!("r-{number}")).await;
    }

    let final_state = settled(&database, &ledger, &["effects"]).await;
    assert!(final_state.work.iter().all(|work| work.attempt == 1), "{:?}", final_state.work);
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
}

// Shows F50, M35.
/// A slow disk, a thread that waits for its turn: between the claim and its attempt time goes by.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_claim_that_has_not_begun_is_renewed() {
    let database = Arc::new(Database::with_effects());
    let gate = database.folder().join("gate");
    let host = Process::builder(&database).setting("lease", 2).stall_at("claim.committed", 1, &gate);
    let ledger = Ledger::default();
    let mut host = host.start().await;

    host.acknowledges(&ledger, "r").await;
    let lease = || database.work().first().and_then(|work| work.lease_until);
    let first = found("the claim", lease).await;
    let lapsed = || (mojito_schema::Timestamp::now() > first.after(Duration::from_secs(1))).then_some(());
    found("the first lease to lapse", lapsed).await;
    let work = database.work()[0].clone();
    std::fs::write(&gate, "").unwrap();
    drained(&database).await;

    assert_eq!(work.state, State::Running, "nobody has rescued it: {work:?}");
    assert!(work.lease_until > Some(first), "it was renewed: {work:?}");
    assert_eq!(database.work()[0].attempt, 1);
    FinalState::read(&database, &ledger).check(&["effects"]);
}

/// Freezes a process, but not while it holds SQLite's write lock: then nobody could go on.
fn freeze(process: &Process, database: &Database) {
    let status = format!("/proc/{}/stat", process.id());
    let is_stopped = || std::fs::read_to_string(&status).unwrap().contains(") T ");
    loop {
        process.signal(Signal::STOP);
        while !is_stopped() {
            std::thread::yield_now();
        }
        if !database.is_locked() {
            return;
        }
        process.signal(Signal::CONT);
    }
}

// Shows P3, F51.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_frozen_past_its_lease_can_neither_commit_nor_change_the_outcome() {
    for _ in 0..rounds(2, 50) {
        let database = Arc::new(Database::with_effects());
        let gate = database.folder().join("gate");
        let host = Process::builder(&database);
        let ledger = Ledger::default();
        let mut zombie = host.clone().handlers(format!("effects:gated:{}", gate.display())).start().await;
        zombie.acknowledges(&ledger, "r-1").await;
        found("the handler to begin", || database.journal_entries().first().map(drop)).await;

        freeze(&zombie, &database);
        let mut heir = host.start().await;
        drained(&database).await;
        let (settled, effects) = (database.work(), database.effects());
        std::fs::write(&gate, "").unwrap();
        zombie.signal(Signal::CONT);
        // It lives again and has looked at its leases when it has done something new, behind what it held.
        heir.kill();
        zombie.acknowledges(&ledger, "r-2").await;
        drained(&database).await;
        let (status, _) = zombie.stop().await;

        assert_eq!(status.code(), Some(0), "{status}");
        assert_eq!(effects.len(), 1);
        assert_eq!((settled[0].state, settled[0].attempt), (State::Completed, 2));
        let final_state = FinalState::read(&database, &ledger);
        final_state.check(&["effects"]);
        assert_eq!(database.gaps_in_history(), [""; 0], "the history tells of each attempt");
        assert_eq!(final_state.effects[0], effects[0]);
        assert_eq!(final_state.effects[0].process, Some(heir.id()));
        assert_eq!(final_state.work[0].finished_at, settled[0].finished_at);
        let handled = final_state.effects[1].process;
        assert_eq!(handled, Some(zombie.id()), "the zombie works again");
    }
}

// Shows F51.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_that_fails_its_handler_afterwards_changes_nothing() {
    for _ in 0..rounds(1, 20) {
        let database = Arc::new(Database::with_effects());
        let gate = database.folder().join("gate");
        // Its effect is outside, so that nothing but the settlement meets the fence.
        let host = Process::builder(&database);
        let ledger = Ledger::default();
        let spec = format!("effects:gated:{}", gate.display());
        let mut zombie = host.clone().handlers(spec).setting("handler_timeout", 2).start().await;
        zombie.acknowledges(&ledger, "r-1").await;
        found("the handler to begin", || database.journal_entries().first().map(drop)).await;

        freeze(&zombie, &database);
        let mut heir = host.clone().handlers("effects:slow:4000").start().await;
        let taken = |work: &mojito_schema::WorkRow| work.attempt == 2 && work.lease_until.is_some();
        found("the heir to take over", || database.work().first().filter(|work| taken(work)).map(drop)).await;
        // The attempt of the zombie is over its time at once: it wants to be retried, while the heir still runs.
        zombie.signal(Signal::CONT);
        zombie.acknowledges(&ledger, "r-2").await;
        let said = || zombie.log().contains("too late").then_some(());
        let ran = || database.work()[0].finished_at.map(drop);
        found("the zombie to be refused or stopped", || said().or_else(ran)).await;
        std::fs::write(&gate, "").unwrap();

        let final_state = settled(&database, &ledger, &["effects"]).await;
        assert_eq!((final_state.work[0].state, final_state.work[0].attempt), (State::Completed, 2));
        assert_eq!(final_state.work[0].last_error, None);
        let first = final_state.effects.iter().find(|effect| effect.delivery_id == final_state.work[0].delivery_id);
        assert_eq!(first.unwrap().process, Some(heir.id()));
        heir.kill();
    }
}

// Shows F52.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_cannot_renew_for_longer_than_its_lease_still_has_its_effect_once() {
    for _ in 0..rounds(1, 20) {
        let database = Arc::new(Database::with_effects());
        let gate = database.folder().join("gate");
        let host = Process::builder(&database).handlers(format!("effects:gated:{}", gate.display()));
        let ledger = Ledger::default();
        let mut hosts = [host.start().await, host.start().await];
        hosts[0].acknowledges(&ledger, "r-1").await;
        found("the handler to begin", || database.journal_entries().first().map(drop)).await;

        // Nobody can write, and so nobody renew or rescue, until the lease has lapsed.
        let writer = database.lock();
        found("the lease to lapse", || {
            database.work()[0].lease_until.filter(|until| *until < mojito_schema::Timestamp::now())
        })
        .await;
        drop(writer);
        std::fs::write(&gate, "").unwrap();

        let final_state = settled(&database, &ledger, &["effects"]).await;
        let starts: Vec<&JournalEntry> =
            final_state.journal.iter().filter(|entry| entry.kind == EntryKind::Start).collect();
        assert_eq!(starts.len(), final_state.work[0].attempt as usize, "each claim is one run: {starts:?}");
    }
}
