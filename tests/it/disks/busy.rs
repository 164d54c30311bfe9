use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{Database, Load, Process, rounds, seed, settled};

// Shows F20.
#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_else_writes_for_long_deliveries_wait_or_are_refused_and_none_fails() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).setting("ack_deadline", 1).handlers("effects:plain,external:external");
    let mut process = host.start().await;
    let load = Load::start(&mut random, Duration::from_millis(40));
    load.post_to(&[process.ready().await.unwrap()]);

    let cycles = rounds(4, 100);
    let longest = u64::from(rounds(2500, 10_000));
    for cycle in 0..cycles {
        let writer = database.lock();
        // Once for longer than a delivery waits.
        let time = if cycle == 0 { longest } else { random.u64(100..longest) };
        tokio::time::sleep(Duration::from_millis(time)).await;
        drop(writer);
        tokio::time::sleep(Duration::from_millis(random.u64(0..200))).await;
    }
    let ledger = load.stop().await;

    settled(&database, &ledger, &["effects", "external"]).await;
    let tally = ledger.tally();
    println!("{cycles} times locked, {tally:?}");
    assert!(tally.refused.keys().all(|status| *status == 503), "{tally:?}");
    assert_eq!(tally.unanswered, 0, "{tally:?}");
    assert!(tally.acknowledged > 0 && tally.refused.contains_key(&503), "{tally:?}");
    assert!(!process.has_ended());
}
