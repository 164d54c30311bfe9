use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{
    Body, Database, Disk, EntryKind, FinalState, Ledger, Load, Process, TestDatabase, Tracer, drained, eventually,
    lost, rounds, seed,
};

/// How many cuts may pass before a host that does not sync has lost something.
const CUTS_OF_CONTROL: u32 = 10;

// Shows P1, F10.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_acknowledged_and_leaves_no_effect_without_its_mark() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::on(Disk::ext4(64)).and_effects());
    let host = Process::builder(&database).handlers("effects:plain,external:external");
    let load = Load::start(&mut random, Duration::from_millis(40));

    let cuts = rounds(6, 50);
    let mut hits = 0;
    for cut in 1..=cuts {
        let mut process = host.start().await;
        assert_eq!(lost(&database, &load.ledger), [""; 0], "after {} cuts", cut - 1);
        hits += u32::from(cut_under_load(&mut process, &database, &load, &mut random).await);
    }
    let mut last = host.start().await;
    load.post_to(&[last.ready().await.unwrap()]);
    let ledger = load.stop().await;
    drained(&database).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check_but_attempts(&["effects", "external"]);
    assert_eq!(final_state.discarded().len(), 0);
    let tally = ledger.tally();
    println!("{cuts} cuts, {hits} with requests in flight, {} deliveries, {tally:?}", final_state.deliveries.len());
    assert!(tally.acknowledged * 10 >= tally.posts * 3, "too few were acknowledged: {tally:?}");
    assert!(hits * 3 >= cuts, "only {hits} of {cuts} cuts hit a request");
}

// Shows F10.
/// SQLite's own commits do not wait for the disk (`synchronous = NORMAL`). The calls that do wait are left out here.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_commits_without_a_sync_loses_what_it_acknowledged() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::on(Disk::ext4(64)).and_effects());
    let host = Process::builder(&database);
    let load = Load::start(&mut random, Duration::from_millis(40));

    let mut process = host.start().await;
    let (mut losses, mut cuts, mut left_out) = (Vec::new(), 0, 0);
    while losses.is_empty() && cuts < CUTS_OF_CONTROL {
        let tracer = Tracer::attach(&database, &process, "fdatasync", "retval=0").await;
        cut_under_load(&mut process, &database, &load, &mut random).await;
        left_out += tracer.injected();
        process = host.start().await;
        losses = lost(&database, &load.ledger);
        cuts += 1;
    }

    println!("{} acknowledged deliveries lost after {cuts} cuts, with {left_out} syncs left out", losses.len());
    assert!(!losses.is_empty(), "nothing was lost in {cuts} cuts: they cut nothing");
}

/// Cuts the power at some moment under load, and brings it back. Whether requests were on their way.
async fn cut_under_load(process: &mut Process, database: &Database, load: &Load, random: &mut Rng) -> bool {
    load.post_to(&[process.ready().await.unwrap()]);
    tokio::time::sleep(Duration::from_millis(random.u64(50..800))).await;
    let is_hit = load.in_flight() > 0;
    database.disk().cut_power(process).await;
    load.post_to(&[]);
    database.disk().restore_power().await;
    is_hit
}

/// A version that has begun says that the one before it is done.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_has_come_after_is_not_begun_again_after_a_power_cut() {
    let database = Arc::new(Database::on(Disk::ext4(64)).and_effects());
    let gate = database.folder().join("gate");
    let host = Process::builder(&database).handlers(format!("effects:gated:{}", gate.display()));
    let ledger = Ledger::default();
    let mut process = host.start().await;
    for score in [1, 2] {
        let entry = ledger.enter("interview_result", Body::result("r").with("score", score).bytes());
        assert!(process.deliver(&ledger, entry).await.is_acknowledged());
    }

    std::fs::write(&gate, "").unwrap();
    eventually("both have begun", || {
        database.journal_entries().iter().filter(|entry| entry.kind == EntryKind::Start).count() == 2
    })
    .await;
    database.disk().cut_power(&mut process).await;
    database.disk().restore_power().await;
    let _last = host.start().await;
    drained(&database).await;

    FinalState::read(&database, &ledger).check_but_attempts(&["effects"]);
}
