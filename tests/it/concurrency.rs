use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{
    Body, Database, FinalState, Ledger, Load, Process, drained, found, overlaps, post_at_once, rounds, seed,
};

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
    drained(&database).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects", "external"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_delivery_at_once_are_one_version_and_repeats() {
    const COPIES: usize = 20;
    let database = Arc::new(Database::with_effects());
    let hosts = two_hosts(&database).await;
    let ledger = Ledger::default();

    for round in 0..rounds(5, 200) {
        let body = Body::result(&format!("r-{round}")).bytes();
        let entry = ledger.enter("interview_result", body.clone());
        let answers = post_at_once(&hosts.addresses, vec![body; COPIES]).await;
        let ids: HashSet<i64> = answers.iter().map(|outcome| outcome.delivery()).collect();
        ledger.begin(entry);
        ledger.end(entry, answers[0]);

        assert_eq!(ids.len(), 1, "every copy is told the same");
        let stored = database.deliveries().pop().unwrap();
        assert_eq!((Some(&stored.id), stored.repeat_count), (ids.iter().next(), COPIES as i64 - 1));
    }
    drained(&database).await;

    FinalState::read(&database, &ledger).check(&["effects"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_one_result_at_once_are_numbered_without_a_gap() {
    const VERSIONS: usize = 20;
    let database = Arc::new(Database::with_effects());
    let hosts = two_hosts(&database).await;
    let ledger = Ledger::default();

    for round in 0..rounds(5, 200) {
        let body =
            |n| Body::result(&format!("r-{round}")).with("candidate_external_id", format!("{round}-{n}")).bytes();
        let bodies: Vec<Vec<u8>> = (0..VERSIONS).map(body).collect();
        let entries: Vec<usize> = bodies.iter().map(|body| ledger.enter("interview_result", body.clone())).collect();
        for (entry, outcome) in entries.into_iter().zip(post_at_once(&hosts.addresses, bodies).await) {
            ledger.begin(entry);
            ledger.end(entry, outcome);
            outcome.delivery();
        }
    }
    drained(&database).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects"]);
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
    assert!(final_state.results.iter().all(|result| result.version == VERSIONS as i64));
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
