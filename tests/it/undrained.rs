//! A host whose output goes into a pipe that nobody reads from, at the level that Rocket has in a release build.

use std::sync::Arc;
use std::time::Instant;

use crate::harness::{BASE, Body, Connection, Database, Ledger, PATIENCE, Process, eventually, in_time, request};

/// As many as there are, a pipe of 64 KiB has no room for a line each.
const REFUSALS: usize = 2_000;

// Shows M26.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_fill_a_pipe_that_nobody_reads() {
    let database = Arc::new(Database::with_effects());
    let mut host = Process::builder(&database).log_level("critical").undrained().start().await;
    let ledger = Ledger::default();

    refuse(&mut host, REFUSALS).await;

    host.acknowledges(&ledger, "r-1").await;
}

// Shows M26.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_whoever_reads_what_we_say() {
    let database = Arc::new(Database::with_effects());
    let mut host = Process::builder(&database).log_level("critical").undrained().start().await;
    let ledger = Ledger::default();
    host.acknowledges(&ledger, "r-1").await;

    host.fill_its_pipe();
    // A line of another kind each, and one for each delivery.
    refuse(&mut host, 2).await;
    let quarantined = ledger.enter("interview_result", b"no JSON".to_vec());
    assert!(host.deliver(&ledger, quarantined).await.is_acknowledged());
    for result in ["r-2", "r-3"] {
        host.acknowledges(&ledger, result).await;
    }

    eventually("the handler goes on as well", || database.effects().len() == 3).await;
    // Rocket has a line of its own for the end, which waits for ever.
    host.kill();
}

/// Sends deliveries without a secret.
async fn refuse(host: &mut Process, times: usize) {
    let address = host.ready().await.unwrap();
    let began = Instant::now();
    let stranger = request("POST", &format!("{BASE}/interview_result"), &[], &Body::result("stranger").bytes());
    for _ in 0..times {
        let mut connection = Connection::open(address).await;
        connection.send(&stranger).await;
        let answer = in_time(connection.answer()).await.expect("an answer");
        assert_eq!(answer.status, 401);
    }
    assert!(began.elapsed() < 4 * PATIENCE, "{:?}", began.elapsed());
}
