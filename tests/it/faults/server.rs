//! The server crashes, loses single connections, freezes, or is away for a while.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::cluster::{HANDLERS, addresses, ended, host, post, settled, start};
use crate::harness::{
    EntryKind, JournalEntry, Ledger, Load, PostgresDatabase, PrivateServer, Process, TestDatabase, rounds, seed,
};

/// How a server may end.
#[derive(Clone, Copy)]
enum End {
    Immediate,
    Kill,
}

async fn assert_survives(end: End, what: &str) {
    let mut random = Rng::with_seed(seed());
    let mut server = PrivateServer::start().await;
    let database = PostgresDatabase::on(&server).await;
    let mut hosts = start(&host(&database), 2).await;
    let load = Load::start(&mut random, Duration::from_millis(40));
    load.post_to(&addresses(&mut hosts).await);

    let (restarts, mut hits) = (rounds(3, 50), 0);
    for _ in 0..restarts {
        tokio::time::sleep(Duration::from_millis(random.u64(1000..3000))).await;
        hits += usize::from(load.in_flight() > 0);
        match end {
            End::Immediate => server.restart_immediately().await,
            End::Kill => {
                server.kill();
                server.boot().await;
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(final_state.discarded().len(), 0);
    ledger.tally().assert_answers(Duration::from_secs(5));
    ledger.tally().report(&format!("{what}, {restarts} times"), hits);
    assert!(hosts.iter_mut().all(|host| !host.has_ended()), "every host lives");
}

// Shows F23.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_at_once_under_load_loses_nothing_and_doubles_nothing() {
    assert_survives(End::Immediate, "F23 restart -m immediate").await;
}

// Shows P1, F23.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    assert_survives(End::Kill, "F23 kill -9 of the server").await;
}

// Shows F24.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_ends_one_by_one_are_replaced() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let mut hosts = start(&host(&database), 2).await;
    let load = Load::start(&mut random, Duration::from_millis(40));
    load.post_to(&addresses(&mut hosts).await);

    let mut ended = 0;
    let deadline = Instant::now() + Duration::from_secs(rounds(5, 60).into());
    while Instant::now() < deadline {
        ended += database.end_a_connection().await;
        tokio::time::sleep(Duration::from_millis(90)).await;
    }
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(final_state.discarded().len(), 0);
    ledger.tally().assert_answers(Duration::from_secs(5));
    ledger.tally().report("F24 pg_terminate_backend", ended);
}

// Shows F27.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_answered_for_with_503_and_no_clock_of_ours_takes_a_lease_away() {
    let mut random = Rng::with_seed(seed());
    let server = PrivateServer::start().await;
    let database = PostgresDatabase::on(&server).await;
    // A host that judged leases by a clock of its own would take these over as soon as it could.
    let gate = database.folder().join("gate");
    let gated = host(&database).setting("lease", 60).setting("ack_deadline", 1);
    let mut hosts = start(&gated.handlers(format!("effects:gated:{},external:external", gate.display())), 2).await;
    let addresses = addresses(&mut hosts).await;
    let load = Load::start(&mut random, Duration::from_millis(60));
    // One records: what waits in two queues at once, and is sent again meanwhile, may be overtaken by what came later.
    load.post_to(&addresses[..1]);
    database.wait_until("attempts run", "SELECT count(*) FROM mojito_work WHERE state = 'running'", 2).await;

    let freezes = rounds(1, 10);
    let refused = |ledger: &Ledger| ledger.tally().refused.values().sum::<usize>();
    for _ in 0..freezes {
        let before = refused(&load.ledger);
        server.freeze();
        tokio::time::sleep(Duration::from_secs(rounds(4, 20).into())).await;
        assert!(refused(&load.ledger) > before, "somebody was told to come again");
        server.thaw();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let attempts = database.number("SELECT max(attempt) FROM mojito_work WHERE handler = 'effects'").await;
    std::fs::write(&gate, "").unwrap();
    let ledger = load.stop().await;

    settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(attempts, 1, "no lease was taken away");
    ledger.tally().assert_answers(Duration::from_secs(1));
    ledger.tally().report("F27 frozen server", freezes as usize);
}

// Shows F29.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_the_thundering_herd_and_the_backlog_are_worked_off_side_by_side() {
    const HANDLERS_AT_ONCE: usize = 4;
    let mut random = Rng::with_seed(seed());
    let mut server = PrivateServer::start().await;
    let database = PostgresDatabase::on(&server).await;
    let slow = host(&database).setting("handler_concurrency", HANDLERS_AT_ONCE as u64);
    let mut hosts = start(&slow.clone().handlers("effects:pending"), 1).await;
    let backlog = rounds(400, 10_000) as usize;
    let ledger = Ledger::default();
    let quiet = addresses(&mut hosts).await[0];
    for number in 0..backlog {
        let outcome = post(quiet, &ledger, &format!("backlog-{}", number % 97), &format!("backlog-{number}")).await;
        assert!(outcome.is_acknowledged());
    }
    hosts.clear();

    server.kill();
    let mut hosts = Vec::new();
    server.boot().await;
    hosts.extend(start(&slow.handlers("effects:slow:5"), 2).await);
    let up = addresses(&mut hosts).await;
    server.kill();
    let load = Load::start(&mut random, Duration::from_millis(5));
    load.post_to(&up);
    tokio::time::sleep(Duration::from_secs(rounds(3, 60).into())).await;
    let outage = load.ledger.tally();
    server.boot().await;
    tokio::time::sleep(Duration::from_secs(rounds(5, 60).into())).await;
    let herd = load.stop().await;

    ledger.absorb(&herd);
    let final_state = settled(&database, &ledger, &["effects"]).await;
    assert_eq!(final_state.discarded().len(), 0);
    let ids: Vec<i64> = hosts.iter().map(Process::id).collect();
    let most = most_at_once(ended(&final_state.journal).iter().filter(|entry| ids.contains(&entry.process)));
    assert!(most <= 2 * HANDLERS_AT_ONCE, "{most} handlers ran at once");
    herd.tally().assert_answers(Duration::from_secs(5));
    assert_eq!(outage.acknowledged, 0, "nothing was acknowledged while the server was away");
    let told: usize = outage.refused.values().sum();
    println!("F29: {backlog} in the backlog, {told} told to come again, at most {most} handlers at once");
    ledger.tally().report("F29 outage, then herd", told);
}

/// How many handlers ran at once at most.
fn most_at_once<'a>(entries: impl Iterator<Item = &'a JournalEntry>) -> usize {
    let (mut running, mut most) = (0_usize, 0);
    for entry in entries {
        match entry.kind {
            EntryKind::Start => running += 1,
            EntryKind::End => running = running.saturating_sub(1),
            EntryKind::Hold | EntryKind::Call | EntryKind::Discarded => {}
        }
        most = most.max(running);
    }
    most
}
