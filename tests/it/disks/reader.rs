use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::Undone;
use rocket_mojito::{Actor, Person};

use crate::harness::{Body, Database, Disk, Host, Ledger, PostOutcome, Process, Tracer, rounds, seed, settled};

/// How many deliveries a disk takes at most, once it has broken.
const LAST_BLOCKS: usize = 500;

// Shows M17.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_beside_a_reader_who_never_lets_go_is_recovered_from() {
    let mut random = Rng::with_seed(seed());
    for _ in 0..rounds(1, 10) {
        let (database, ledger, mut process) = taking().await;
        let reader = database.read();
        for _ in 0..random.usize(0..3) {
            takes(&mut process, &ledger).await;
        }

        let tracer = Tracer::attach(&database, &process, "fdatasync,fsync", "error=EIO").await;
        let refused = process.deliver(&ledger, new(&ledger)).await;
        let failed = tracer.detach();

        assert_eq!(refused, PostOutcome::Refused(503));
        assert!(failed > 0);
        takes(&mut process, &ledger).await;
        assert!(process.is_well().await);
        database.disk().cut_power(&mut process).await;
        drop(reader);
        keeps(&database, &ledger).await;
    }
}

/// A backup that streams what is added to the log, as Litestream does, reads on from where it is, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_beside_a_reader_who_follows_is_recovered_from() {
    let (database, ledger, mut process) = taking().await;
    let mut reader = database.read();

    for _ in 0..5 {
        let tracer = Tracer::attach(&database, &process, "fdatasync,fsync", "error=EIO").await;
        assert_eq!(process.deliver(&ledger, new(&ledger)).await, PostOutcome::Refused(503));
        // The next begins before the former ends: somebody reads all the time.
        let next = database.read();
        drop(std::mem::replace(&mut reader, next));
        tracer.detach();
        takes(&mut process, &ledger).await;
    }

    database.disk().cut_power(&mut process).await;
    drop(reader);
    keeps(&database, &ledger).await;
}

/// The kernel takes a page for written that could not be: it is in memory alone, and no sync brings it to the disk.
#[tokio::test(flavor = "multi_thread")]
async fn what_never_reached_the_disk_is_written_again_beside_a_reader() {
    for is_started_anew in [false, true] {
        let database = Arc::new(Database::on(Disk::fragile()).and_effects());
        let ledger = Ledger::default();
        let host = Process::builder(&database);
        let mut process = host.start().await;
        takes(&mut process, &ledger).await;
        let reader = database.read();
        breaks(&database, &mut process, &ledger).await;
        if is_started_anew {
            process.kill();
        }

        database.disk().mend();
        if is_started_anew {
            process = host.start().await;
        }
        takes(&mut process, &ledger).await;

        database.disk().cut_power(&mut process).await;
        drop(reader);
        keeps(&database, &ledger).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_beside_a_reader_who_never_lets_go() {
    let host = Host::builder().start().await;
    host.post("interview_result", &Body::result("r").bytes()).await;
    let reader = host.database.read();

    let erased = host.inbox.erase(Person::ResultId("r".into()), Actor::new("anna")).await.unwrap();

    assert_eq!((erased.results, erased.bodies, erased.undone), (1, 1, vec![Undone::Reader]));
    assert_eq!(host.database.audit()[0].affected, 2);
    assert_eq!(host.post("interview_result", &Body::result("s").bytes()).await.status, 200);
    drop(reader);
    host.stop().await;
}

/// A host on a disk of its own that has acknowledged a few deliveries.
async fn taking() -> (Arc<Database>, Ledger, Process) {
    let (database, ledger) = (Arc::new(Database::on(Disk::ext4(64)).and_effects()), Ledger::default());
    let mut process = Process::builder(&database).start().await;
    for _ in 0..3 {
        takes(&mut process, &ledger).await;
    }
    (database, ledger, process)
}

/// Breaks the disk, and posts until the host has found it out.
async fn breaks(database: &Database, process: &mut Process, ledger: &Ledger) {
    database.disk().break_down();
    for _ in 0..LAST_BLOCKS {
        match process.deliver(ledger, new(ledger)).await {
            PostOutcome::Acknowledged(_) => {}
            outcome => return assert_eq!(outcome, PostOutcome::Refused(503)),
        }
    }
    panic!("the disk never broke");
}

/// Posts something new until it is acknowledged.
async fn takes(process: &mut Process, ledger: &Ledger) {
    let entry = new(ledger);
    let mut outcome = process.deliver(ledger, entry).await;
    while !outcome.is_acknowledged() {
        assert!(ledger.sent()[entry].posts.len() < 100, "{outcome:?}: {}", process.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
        outcome = process.deliver(ledger, entry).await;
    }
}

/// Brings the power back. Each acknowledged delivery is there, once, and handled.
async fn keeps(database: &Arc<Database>, ledger: &Ledger) {
    database.disk().restore_power().await;
    let mut last = Process::builder(database).start().await;
    for (entry, _) in ledger.unacknowledged() {
        assert!(last.deliver(ledger, entry).await.is_acknowledged());
    }
    settled(database, ledger, &["effects"]).await;
    let (status, _) = last.stop().await;
    assert!(status.success(), "{status}");
    assert_eq!(database.texts("SELECT integrity_check AS value FROM pragma_integrity_check"), ["ok"]);
}

/// A delivery that is large enough for the log to come soon to where nothing was written before.
fn new(ledger: &Ledger) -> usize {
    let mark = ledger.sent().len();
    let body = Body::result(&format!("r-{mark}")).with("candidate_external_id", format!("mark-{mark}"));
    ledger.enter("interview_result", body.with("ai_analysis", "clear answers ".repeat(3000)).bytes())
}
