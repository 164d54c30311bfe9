use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{
    Database, Ledger, Load, Process, assert_copies_are_one_version, assert_versions_have_no_gap, found, overlaps,
    rounds, seed, settled,
};

// Shows P4, F40.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_handle_each_result_in_order_and_once() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).setting("lease", 5).handlers("effects:slow:5,external:external");
    let mut hosts = [host.start().await, host.start().await];
    let load = Load::start(&mut random, Duration::from_millis(20));

    load.post_to(&[hosts[0].ready().await.unwrap(), hosts[1].ready().await.unwrap()]);
    let enough = rounds(400, 20_000) as usize;
    found("enough deliveries", || (load.ledger.tally().acknowledged >= enough).then_some(())).await;
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &["effects", "external"]).await;
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
    assert_eq!(final_state.discarded().len(), 0);
    assert!(final_state.work.iter().all(|work| work.attempt == 1), "nothing was taken over");
    let tally = ledger.tally();
    assert_eq!(tally.acknowledged, tally.posts, "{tally:?}");
    for host in &hosts {
        let share = final_state.effects.iter().filter(|effect| effect.process == Some(host.id())).count();
        println!("{share} of {} effects", final_state.effects.len());
        assert!(share * 20 >= final_state.effects.len(), "no process starves");
    }
}

// Shows F41.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_delivery_at_once_are_one_version_and_repeats() {
    let database = Arc::new(Database::with_effects());
    let (hosts, ledger) = (two_hosts(&database).await, Ledger::default());

    assert_copies_are_one_version(&database, &hosts.addresses, &ledger, 20, rounds(5, 200)).await;

    settled(&database, &ledger, &["effects"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_one_result_at_once_are_numbered_without_a_gap() {
    let database = Arc::new(Database::with_effects());
    let (hosts, ledger) = (two_hosts(&database).await, Ledger::default());

    assert_versions_have_no_gap(&database, &hosts.addresses, &ledger, 20, rounds(5, 200)).await;

    let final_state = settled(&database, &ledger, &["effects"]).await;
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
}

struct Hosts {
    addresses: [SocketAddr; 2],
    _processes: [Process; 2],
}

async fn two_hosts(database: &Arc<Database>) -> Hosts {
    let host = Process::builder(database).setting("lease", 5);
    let mut processes = [host.start().await, host.start().await];
    let addresses = [processes[0].ready().await.unwrap(), processes[1].ready().await.unwrap()];
    Hosts { addresses, _processes: processes }
}
