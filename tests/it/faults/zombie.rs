//! Processes that are killed, or frozen past their leases.

use std::time::{Duration, Instant};

use fastrand::Rng;
use mojito_schema::State;
use rustix::process::Signal;

use super::cluster::{HANDLERS, addresses, host, post, settled, start};
use crate::harness::{EntryKind, Ledger, Load, PostgresDatabase, Process, TestDatabase, found, rounds, seed};

// Shows P3, F01.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_under_load_are_stood_in_for() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let host = host(&database).handlers("effects:slow:20,external:external");
    let mut hosts = start(&host, 4).await;
    let load = Load::start(&mut random, Duration::from_millis(20));
    load.post_to(&addresses(&mut hosts).await);

    let (kills, mut hits) = (rounds(8, 200), 0);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.u64(50..1000))).await;
        let victim = random.usize(0..hosts.len());
        hits += usize::from(load.in_flight() > 0);
        hosts[victim].kill();
        hosts[victim] = host.start().await;
        load.post_to(&addresses(&mut hosts).await);
    }
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(final_state.discarded().len(), 0);
    ledger.tally().report(&format!("F01 {kills} kills of one of four"), hits);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_is_taken_up_within_the_lease_and_a_second() {
    const LEASE: u64 = 2;
    let database = PostgresDatabase::shared().await;
    let (mut longest, mut rescued) = (Duration::ZERO, 0);
    let heirs = start(&host(&database).handlers("effects:plain"), 2).await;
    let ledger = Ledger::default();

    for round in 0..rounds(3, 30) {
        // The first host to claim it is killed over it: the heirs are held back for that long.
        heirs.iter().for_each(|heir| heir.signal(Signal::STOP));
        let mut hosts = start(&host(&database).setting("lease", LEASE).handlers("effects:pending"), 1).await;
        let address = addresses(&mut hosts).await[0];
        for number in 0..4 {
            let outcome = post(address, &ledger, &format!("r-{round}-{number}"), "a").await;
            assert!(outcome.is_acknowledged());
        }
        database.wait_until("all is claimed", "SELECT count(*) FROM mojito_work WHERE state = 'running'", 4).await;
        hosts[0].kill();
        let died = Instant::now();
        heirs.iter().for_each(|heir| heir.signal(Signal::CONT));
        let done = format!("SELECT count(*) FROM effects WHERE result_id LIKE 'r-{round}-%'");
        database.wait_until("the heirs have done it", &done, 4).await;
        longest = longest.max(died.elapsed());
        rescued += 4;
    }

    settled(&database, &ledger, &["effects"]).await;
    // With something for the pause between two looks on a busy machine.
    assert!(longest < Duration::from_secs(LEASE + 1) + Duration::from_millis(2500), "it took {longest:?}");
    println!("F01: rescued within {longest:?} of a lease of {LEASE} s");
    ledger.tally().report("F01 rescue", rescued);
}

/// Freezes a process that has begun, lets another do its work, and thaws it.
async fn assert_is_fenced(behaviour: &str, is_in_transaction: bool) {
    let mut fenced = 0;
    for _ in 0..rounds(2, 50) {
        let database = PostgresDatabase::shared().await;
        let gate = database.folder().join("gate");
        let ledger = Ledger::default();
        let spec = format!("effects:{behaviour}:{}", gate.display());
        let mut zombie = host(&database).handlers(spec).setting("lease", 1).start().await;
        let address = zombie.ready().await.unwrap();
        assert!(post(address, &ledger, "r-1", "a").await.is_acknowledged());
        let last = if is_in_transaction { EntryKind::Hold } else { EntryKind::Start };
        found("the handler to begin", || {
            database.journal_entries().iter().any(|entry| entry.kind == last).then_some(())
        })
        .await;

        zombie.signal(Signal::STOP);
        let mut heir = host(&database).handlers("effects:plain").setting("lease", 1).start().await;
        let heir_address = heir.ready().await.unwrap();
        // The heir's own work goes on meanwhile.
        assert!(post(heir_address, &ledger, "r-2", "b").await.is_acknowledged());
        database
            .wait_until("the heir has its own work done", "SELECT count(*) FROM effects WHERE result_id = 'r-2'", 1)
            .await;
        database.drained().await;
        let settled_before = database.work().await.remove(0);
        std::fs::write(&gate, "").unwrap();
        zombie.signal(Signal::CONT);
        heir.kill();
        // It lives again when it has done something new, behind what it held.
        while !post(address, &ledger, "r-3", "c").await.is_acknowledged() {}
        database.drained().await;

        let final_state = settled(&database, &ledger, &["effects"]).await;
        assert_eq!((settled_before.state, settled_before.attempt), (State::Completed, 2));
        assert_eq!(final_state.work[0].finished_at, settled_before.finished_at, "the zombie changed nothing");
        let first: Vec<_> = final_state.effects.iter().filter(|effect| effect.result_id == "r-1").collect();
        assert_eq!((first.len(), first[0].process), (1, Some(heir.id())));
        fenced += 1;
        drop::<Process>(zombie);
    }
    println!("F51 {behaviour}: {fenced} zombies fenced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_frozen_past_its_lease_before_its_transaction_is_fenced() {
    assert_is_fenced("gated", false).await;
}

// Shows F51.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_frozen_past_its_lease_within_its_transaction_is_fenced() {
    assert_is_fenced("holding", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_of_one_handler_holds_up_neither_leases_nor_claims() {
    let database = PostgresDatabase::shared().await;
    let gate = database.folder().join("gate");
    let ledger = Ledger::default();
    let spec = format!("effects:holding:{},external:external", gate.display());
    // The other slots of its handler are taken too.
    let mut slow = host(&database).handlers(spec).setting("handler_concurrency", 2).setting("lease", 30).start().await;
    let address = slow.ready().await.unwrap();
    for id in ["r-1", "r-2"] {
        assert!(post(address, &ledger, id, id).await.is_acknowledged());
    }
    let held =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    database.wait_until("both are in their transactions", held, 2).await;

    let mut longest = Duration::ZERO;
    // For some seconds, in which the keeper of the leases comes by more than once.
    for number in 0..rounds(40, 400) {
        let began = Instant::now();
        assert!(post(address, &ledger, &format!("o-{number}"), "x").await.is_acknowledged());
        let done = format!(
            "SELECT count(*) FROM mojito_work JOIN mojito_deliveries ON id = delivery_id
             WHERE handler = 'external' AND result_id = 'o-{number}' AND state = 'completed'"
        );
        database.wait_until("the other handler has it", &done, 1).await;
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::write(&gate, "").unwrap();

    settled(&database, &ledger, &HANDLERS).await;
    println!("a handler waited at most {longest:?} while another held two transactions open");
    // A host that waited for the locked rows would wait for as long as they are, or ten seconds.
    assert!(longest < Duration::from_secs(5), "the other handler waited {longest:?}");
}
