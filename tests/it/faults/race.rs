//! Several processes at once on the same deliveries, or on deliveries about the same results.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::cluster::{addresses, ended, host, post_again, settled, start};
use crate::harness::{
    AUTH, Body, Ledger, Load, PostgresDatabase, Process, assert_copies_are_one_version, assert_versions_have_no_gap,
    overlaps, request, rounds, seed,
};

// Shows P4, F40.
#[tokio::test(flavor = "multi_thread")]
async fn four_processes_share_the_work_and_do_each_piece_once_and_in_order() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let flaky = host(&database).handlers("effects:flaky:10,external:external").setting("lease", 15);
    let mut hosts = start(&flaky, 4).await;
    let load = Load::over(&mut random, Duration::ZERO, 5, 10);
    load.post_to(&addresses(&mut hosts).await);

    let enough = rounds(600, 20_000) as usize;
    let mut kills = 0;
    for part in 1..=10 {
        load.acknowledged(enough * part / 10).await;
        kills += database.end_a_connection().await;
    }
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &["effects", "external"]).await;
    assert_eq!(overlaps(&ended(&final_state.journal)), [""; 0]);
    let given_up = final_state.discarded().len();
    let again = final_state.work.iter().filter(|work| work.attempt > 1).count();
    for host in &hosts {
        let share = final_state.effects.iter().filter(|effect| effect.process == Some(host.id())).count();
        println!("F40: {share} of {} effects", final_state.effects.len());
        assert!(share * 20 >= final_state.effects.len(), "no process starves");
    }
    let results: HashSet<&str> = final_state.results.iter().map(|row| row.id.as_str()).collect();
    println!("F40: {} results, {given_up} given up by the handler, {again} attempted again", results.len());
    assert!(again > 0 && given_up > 0, "failures of every kind happened");
    ledger.tally().report(&format!("F40 {} deliveries", final_state.deliveries.len()), kills);
}

// Shows F41.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_delivery_to_every_process_at_once_are_one_version_and_repeats() {
    let (database, _hosts, addresses) = hosts(4).await;
    let ledger = Ledger::default();

    let (copies, turns) = (50, rounds(5, 200));
    assert_copies_are_one_version(&database, &addresses, &ledger, copies, turns).await;

    settled(&database, &ledger, &["effects"]).await;
    ledger.tally().report("F41 copies at once", turns as usize * copies);
}

// Shows F42.
#[tokio::test(flavor = "multi_thread")]
async fn versions_of_one_result_to_every_process_at_once_are_numbered_without_a_gap() {
    let (database, _hosts, addresses) = hosts(4).await;
    let ledger = Ledger::default();

    let (versions, turns) = (20, rounds(5, 200));
    assert_versions_have_no_gap(&database, &addresses, &ledger, versions, turns).await;

    let final_state = settled(&database, &ledger, &["effects"]).await;
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
    ledger.tally().report("F42 versions at once", turns as usize * versions);
}

// Shows F30.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_at_any_moment_leave_no_connection_poisoned() {
    let mut random = Rng::with_seed(seed());
    let (database, hosts, addresses) = hosts(2).await;

    let clients = rounds(300, 1_000) as usize;
    let mut gone = JoinSet::new();
    for number in 0..clients {
        let (address, mut random) = (addresses[number % 2], random.fork());
        let body = Body::result(&format!("gone-{}", number % 11))
            .with("candidate_external_id", format!("gone-{number}"))
            .bytes();
        gone.spawn(async move {
            let headers = [AUTH, ("Connection", "close")];
            let bytes = request("POST", "/webhooks/jobmojito/interview_result", &headers, &body);
            let count = random.usize(1..=bytes.len());
            let Ok(mut stream) = TcpStream::connect(address).await else { return };
            let _ = stream.write_all(&bytes[..count.max(bytes.len() / 2)]).await;
            if random.bool() {
                let _ = stream.write_all(&bytes[count.max(bytes.len() / 2)..]).await;
            }
            tokio::time::sleep(Duration::from_micros(random.u64(0..20_000))).await;
        });
    }
    gone.join_all().await;
    let sentinels = Ledger::default();
    for number in 0..100 {
        let body = Body::result(&format!("sentinel-{number}")).bytes();
        let entry = sentinels.enter("interview_result", body.clone());
        let outcome = post_again(addresses[number % 2], &sentinels, entry, &body).await;
        let id = outcome.delivery();
        let seen = database.number(&format!("SELECT count(*) FROM mojito_deliveries WHERE id = {id}")).await;
        assert_eq!(seen, 1, "what is acknowledged is seen from outside");
    }
    database.drained().await;

    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND state LIKE 'idle in transaction%' AND state_change < now() - interval '1 second'";
    assert_eq!(database.number(idle).await, 0, "no transaction was left open");
    assert!(hosts.iter().all(|host| !host.log().contains("panicked")), "nothing panicked");
    let for_nobody = database.number("SELECT count(*) FROM mojito_deliveries WHERE result_id LIKE 'gone-%'").await;
    assert!(for_nobody > 0, "some were recorded though nobody waited");
    sentinels.tally().report("F30 clients that went away", clients);
}

/// Some hosts with one handler, on a database of their own.
async fn hosts(count: usize) -> (PostgresDatabase, Vec<Process>, Vec<SocketAddr>) {
    let database = PostgresDatabase::shared().await;
    let mut hosts = start(&host(&database).handlers("effects:plain"), count).await;
    let addresses = addresses(&mut hosts).await;
    (database, hosts, addresses)
}
