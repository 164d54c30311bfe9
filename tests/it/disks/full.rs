use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::harness::{Aftermath, Database, Disk, Load, Process, drained, found, rounds, seed};

/// How soon deliveries are taken again once there is space.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_one_with_space_again_takes_without_a_restart() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::on(Disk::tmpfs(32)).and_effects());
    let mut process = Process::builder(&database).handlers("effects:plain,external:external").start().await;
    let load = Load::start(&mut random, Duration::from_millis(40));
    load.post_to(&[process.lifted().await.unwrap()]);

    let cycles = rounds(3, 10);
    let mut slowest = Duration::ZERO;
    for _ in 0..cycles {
        let before = load.ledger.tally();
        found("deliveries to be taken", || (load.ledger.tally().acknowledged > before.acknowledged + 20).then_some(()))
            .await;
        database.disk().fill();
        found("a refusal", || (load.ledger.tally().refused.get(&503) > before.refused.get(&503)).then_some(())).await;
        while process.is_well().await {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;

        let then = load.ledger.tally().acknowledged;
        database.disk().free();
        let freed = Instant::now();
        found("another acknowledgement", || (load.ledger.tally().acknowledged > then).then_some(())).await;
        slowest = slowest.max(freed.elapsed());
    }
    let ledger = load.stop().await;
    drained(&database).await;

    let aftermath = Aftermath::of(&database, &ledger);
    aftermath.check(&["effects", "external"]);
    let tally = ledger.tally();
    println!("{cycles} times full, taken again within {slowest:?}, {tally:?}");
    assert!(slowest <= RECOVERY, "taken again only after {slowest:?}");
    assert!(tally.refused.keys().eq([&503]), "{tally:?}");
    assert_eq!(tally.silent, 0, "{tally:?}");
    assert!(tally.acknowledged * 10 >= tally.posts * 3, "too few were acknowledged: {tally:?}");
    assert!(!process.has_ended(), "it ran all the time");
}
