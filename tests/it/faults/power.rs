//! The power of the Postgres server is cut. Effect and mark do not wait for the disk; what is acknowledged does.

use std::time::Duration;

use fastrand::Rng;

use super::cluster::{HANDLERS, addresses, host, start};
use crate::harness::{Aftermath, Disk, Load, PrivateServer, Rig, rounds, seed};

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_of_the_server_loses_nothing_acknowledged_and_leaves_no_effect_without_its_mark() {
    let mut random = Rng::with_seed(seed());
    let mut server = PrivateServer::start_on(Disk::for_server()).await;
    let rig = Rig::on(&server).await;
    let mut hosts = start(&host(&rig), 2).await;
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
    rig.drained().await;

    let aftermath = Aftermath::of_rig(&rig, &ledger).await;
    aftermath.check_but_attempts(&HANDLERS);
    assert_eq!(aftermath.discarded().len(), 0);
    ledger.tally().report("F11 power cut of the server", hits);
}

/// A session whose commits do not wait for the disk, on the same disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_of_the_server_loses_what_was_committed_without_a_sync() {
    let mut server = PrivateServer::start_on(Disk::for_server()).await;
    let rig = Rig::on(&server).await;
    // The server writes such a commit out by itself after a while.
    rig.run("ALTER SYSTEM SET wal_writer_delay = '10s'").await;
    rig.run("SELECT pg_reload_conf()").await;

    rig.run("SET synchronous_commit = off; INSERT INTO counters VALUES (1, 1)").await;
    let before = rig.number("SELECT count(*) FROM counters").await;
    server.lose_power().await;

    assert_eq!((before, rig.number("SELECT count(*) FROM counters").await), (1, 0), "the cuts would cut nothing");
}
