use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{
    Body, Database, Disk, FinalState, Ledger, Load, PostOutcome, Process, Tracer, drained, found, lost, rounds, seed,
    settled,
};

/// Every call that brings something to the disk for good.
const SYNCS: &str = "fdatasync,fsync";

/// How many deliveries a disk takes at most, once it has broken.
const LAST_BLOCKS: usize = 500;

// Shows F13.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_synced_is_never_acknowledged() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::on(Disk::ext4(64)).and_effects());
    let host = Process::builder(&database).handlers("effects:plain,external:external");
    let load = Load::start(&mut random, Duration::from_millis(40));

    let mut failed = 0;
    let all = rounds(4, 20);
    for round in 0..all {
        let mut process = host.start().await;
        assert_eq!(lost(&database, &load.ledger), [""; 0], "after {round} rounds");
        // Leases that are lost again and again are taken up one by one, and would be many by the end.
        drained(&database).await;
        load.post_to(&[process.ready().await.unwrap()]);
        acknowledged_once_more(&load).await;
        let tracer = Tracer::attach(&database, &process, SYNCS, "error=EIO").await;
        process.falls_ill().await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..500))).await;
        if round % 2 == 0 {
            // The disk works again, and the host finds it out by itself.
            failed += tracer.detach();
            acknowledged_once_more(&load).await;
            assert!(process.is_well().await, "it takes deliveries again, and says that it does not");
        } else {
            failed += tracer.injected();
        }
        database.disk().cut_power(&mut process).await;
        load.post_to(&[]);
        database.disk().restore_power().await;
    }
    let mut last = host.start().await;
    load.post_to(&[last.ready().await.unwrap()]);
    let ledger = load.stop().await;
    drained(&database).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check_but_attempts(&["effects", "external"]);
    let tally = ledger.tally();
    println!("{failed} syncs failed in {all} rounds, {tally:?}");
    assert!(failed >= all as usize, "{failed} syncs failed");
    // Most posts meet a disk that fails.
    assert!(tally.acknowledged >= 4 * all as usize, "too few were acknowledged: {tally:?}");
    assert!(tally.refused.keys().eq([&503]), "{tally:?}");
}

// Shows F13.
/// A sync that failed leaves pages that look as if they were written. A program that starts anew believes the log, and
/// what it adds would stand behind a gap.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_built_on_a_log_that_never_reached_the_disk() {
    for _ in 0..rounds(1, 10) {
        let (database, ledger) = broken_down().await;
        let host = Process::builder(&database);
        database.disk().mend();

        let mut next = host.start().await;
        for (entry, _) in ledger.unacknowledged() {
            assert!(next.deliver(&ledger, entry).await.is_acknowledged());
        }
        database.disk().cut_power(&mut next).await;
        database.disk().restore_power().await;
        let _last = host.start().await;

        settled(&database, &ledger, &["effects"]).await;
        assert_eq!(ledger.unacknowledged().len(), 0);
    }
}

/// A host that was killed just after the disk under it had broken, with one delivery at least refused.
async fn broken_down() -> (Arc<Database>, Ledger) {
    let database = Arc::new(Database::on(Disk::fragile()).and_effects());
    let ledger = Ledger::default();
    let mut process = Process::builder(&database).start().await;
    for number in 0..5 {
        let entry = ledger.enter("interview_result", body(number));
        assert!(process.deliver(&ledger, entry).await.is_acknowledged());
    }
    database.disk().break_down();
    for number in 5..LAST_BLOCKS {
        let entry = ledger.enter("interview_result", body(number));
        let outcome = process.deliver(&ledger, entry).await;
        if !outcome.is_acknowledged() {
            assert_eq!(outcome, PostOutcome::Refused(503));
            process.kill();
            return (database, ledger);
        }
    }
    panic!("the disk never broke");
}

/// Large enough that the log soon comes to where nothing was written before.
fn body(number: usize) -> Vec<u8> {
    let body = Body::result(&format!("r-{number}")).with("candidate_external_id", format!("mark-{number}"));
    body.with("ai_analysis", "clear answers ".repeat(3000)).bytes()
}

/// Waits until one more delivery is acknowledged than when it was called.
async fn acknowledged_once_more(load: &Load) {
    let before = load.ledger.tally().acknowledged;
    found("another acknowledgement", || (load.ledger.tally().acknowledged > before).then_some(())).await;
}
