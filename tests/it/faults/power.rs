//! The power of the Postgres server is cut. Effect and mark do not wait for the disk; what is acknowledged does.

use std::time::Duration;

use fastrand::Rng;

use super::cluster::{HANDLERS, addresses, host, start};
use crate::harness::{Disk, FinalState, Load, PostgresDatabase, PrivateServer, rounds, seed};

// Shows P1, F11.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_of_the_server_loses_nothing_acknowledged_and_leaves_no_effect_without_its_mark() {
    let mut random = Rng::with_seed(seed());
    let mut server = PrivateServer::start_on(Disk::for_server()).await;
    let database = PostgresDatabase::on(&server).await;
    let mut hosts = start(&host(&database), 2).await;
    let load = Load::start(&mut random, Duration::from_millis(40));
    load.post_to(&addresses(&mut hosts).await);

    let (cuts, mut hits) = (rounds(4, 20), 0);
    for _ in 0..cuts {
        let acknowledged = load.ledger.tally().acknowledged;
        load.acknowledged(acknowledged + 80).await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
        hits += usize::from(load.in_flight() > 0);
        server.lose_power().await;
    }
    let acknowledged = load.ledger.tally().acknowledged;
    load.acknowledged(acknowledged + 80).await;
    let ledger = load.stop().await;
    database.drained().await;

    let final_state = FinalState::read_postgres(&database, &ledger).await;
    final_state.check_but_attempts(&HANDLERS);
    assert_eq!(final_state.discarded().len(), 0);
    ledger.tally().report("F11 power cut of the server", hits);
}

// Shows F11.
/// A session whose commits do not wait for the disk, on the same disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_of_the_server_loses_what_was_committed_without_a_sync() {
    let mut server = PrivateServer::start_on(Disk::for_server()).await;
    let database = PostgresDatabase::on(&server).await;
    // The server writes such a commit out by itself after a while.
    database.run("ALTER SYSTEM SET wal_writer_delay = '10s'").await;
    database.run("SELECT pg_reload_conf()").await;

    database.run("SET synchronous_commit = off; INSERT INTO counters VALUES (1, 1)").await;
    let before = database.number("SELECT count(*) FROM counters").await;
    server.lose_power().await;

    assert_eq!((before, database.number("SELECT count(*) FROM counters").await), (1, 0), "the cuts would cut nothing");
}
