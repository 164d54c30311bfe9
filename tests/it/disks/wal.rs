use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::harness::{Body, Database, Ledger, Process, found, rounds, settled};

/// The bytes that the WAL may keep once nobody needs it, and how soon that is reached.
const SHORT: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

// Shows F17.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_somebody_reads_for_long_is_complained_of_and_is_short_again_afterwards() {
    let database = Arc::new(Database::with_effects());
    let mut process = Process::builder(&database).start().await;
    let ledger = Ledger::default();
    let log = database.path().with_extension("db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();

    // A reader keeps the WAL from beginning anew, and keeps the pages that it has seen.
    let reader = database.read();
    let deliveries = rounds(400, 20_000);
    for number in 0..deliveries {
        let body = Body::result(&format!("r-{number}")).with("candidate_external_id", format!("mark-{number}"));
        let entry = ledger.enter("interview_result", body.with("ai_analysis", "clear ".repeat(4000)).bytes());
        let outcome = process.deliver(&ledger, entry).await;
        assert!(outcome.is_acknowledged(), "{outcome:?}");
    }
    let longest = length();
    assert!(longest > SHORT, "{longest} bytes are nothing to complain of");
    found("a complaint", || process.log().contains("somebody has been reading for long").then_some(())).await;
    drop(reader);
    let ended = Instant::now();
    found("a short log", || (length() <= SHORT).then_some(())).await;

    println!("the log had {longest} bytes after {deliveries} deliveries, {} {:?} later", length(), ended.elapsed());
    assert!(ended.elapsed() < PATIENCE);
    settled(&database, &ledger, &["effects"]).await;
}

/// A writer whose commit exceeds `wal_autocheckpoint` would have everybody wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_copied_beside_those_who_write() {
    /// More frames than a launch writes.
    const COPIED: i32 = 1500;
    const AUTOCHECKPOINT: i32 = 3500;
    let database = Arc::new(Database::with_effects());
    let mut process = Process::builder(&database).start().await;
    let ledger = Ledger::default();
    let mut outside = database.connect();
    let mut wal = || diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result::<Wal>(&mut outside).unwrap();
    let mut copied = 0;

    for number in 0.. {
        if copied >= COPIED {
            break;
        }
        let entry = ledger.enter("interview_result", Body::result(&format!("r-{number}")).bytes());
        assert!(process.deliver(&ledger, entry).await.is_acknowledged());
        let Wal { log, checkpointed } = wal();
        assert!(log < AUTOCHECKPOINT, "{checkpointed} of {log} frames are copied");
        copied = checkpointed;
    }

    settled(&database, &ledger, &["effects"]).await;
}

/// SQLite's report of a checkpoint, which a call that does nothing gives too.
#[derive(QueryableByName)]
struct Wal {
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_reads_for_long_does_not_keep_a_host_from_starting() {
    let database = Arc::new(Database::with_effects());
    let (host, ledger) = (Process::builder(&database), Ledger::default());
    let entry = |number: u32| ledger.enter("interview_result", Body::result(&format!("r-{number}")).bytes());
    let mut first = host.start().await;
    let reader = database.read();
    assert!(first.deliver(&ledger, entry(1)).await.is_acknowledged());
    first.kill();

    let mut next = host.start().await;
    let outcome = next.deliver(&ledger, entry(2)).await;

    assert!(outcome.is_acknowledged(), "{outcome:?}");
    drop(reader);
    settled(&database, &ledger, &["effects"]).await;
}
