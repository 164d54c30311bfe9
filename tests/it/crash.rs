use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{Database, Load, Process, rounds, seed, settled};

// Shows P1, F01.
#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_under_load_a_host_loses_nothing_and_doubles_nothing() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).handlers("effects:plain,external:external");
    let load = Load::start(&mut random, Duration::from_millis(40));

    let kills = rounds(20, 200);
    let mut hits = 0;
    for _ in 0..kills {
        let mut process = host.start().await;
        load.post_to(&[process.ready().await.unwrap()]);
        tokio::time::sleep(Duration::from_millis(random.u64(50..1500))).await;
        hits += u32::from(load.in_flight() > 0);
        process.kill();
        load.post_to(&[]);
    }
    let mut last = host.start().await;
    load.post_to(&[last.ready().await.unwrap()]);
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &["effects", "external"]).await;
    assert_eq!(database.gaps_in_history(), [""; 0], "the history tells of each attempt");
    assert_eq!(final_state.discarded().len(), 0);
    let tally = ledger.tally();
    println!("{kills} kills, {hits} with requests in flight, {} deliveries, {tally:?}", final_state.deliveries.len());
    assert!(tally.acknowledged * 10 >= tally.posts * 3, "too few were acknowledged: {tally:?}");
    assert!(hits * 3 >= kills, "only {hits} of {kills} kills hit a request");
    assert!(tally.unanswered > 0, "no kill left a request without an answer");
    last.kill();
}
