use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::harness::{
    Body, Database, Disk, Ledger, Load, PostOutcome, Process, drained, found, rounds, seed, settled, try_send,
};

/// How soon deliveries are taken again once there is space.
const RECOVERY: Duration = Duration::from_secs(5);

// Shows F15.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_one_with_space_again_takes_without_a_restart() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::on(Disk::tmpfs(32)).and_effects());
    let mut process = Process::builder(&database).handlers("effects:plain,external:external").start().await;
    let load = Load::start(&mut random, Duration::from_millis(40));
    load.post_to(&[process.ready().await.unwrap()]);

    let cycles = rounds(3, 10);
    let mut slowest = Duration::ZERO;
    for _ in 0..cycles {
        let before = load.ledger.tally();
        found("deliveries to be taken", || (load.ledger.tally().acknowledged > before.acknowledged + 20).then_some(()))
            .await;
        database.disk().fill();
        found("a refusal", || (load.ledger.tally().refused.get(&503) > before.refused.get(&503)).then_some(())).await;
        process.falls_ill().await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;

        let then = load.ledger.tally().acknowledged;
        database.disk().free();
        let freed = Instant::now();
        found("another acknowledgement", || (load.ledger.tally().acknowledged > then).then_some(())).await;
        slowest = slowest.max(freed.elapsed());
    }
    let ledger = load.stop().await;

    settled(&database, &ledger, &["effects", "external"]).await;
    let tally = ledger.tally();
    println!("{cycles} times full, taken again within {slowest:?}, {tally:?}");
    assert!(slowest <= RECOVERY, "taken again only after {slowest:?}");
    assert!(tally.refused.keys().eq([&503]), "{tally:?}");
    assert_eq!(tally.unanswered, 0, "{tally:?}");
    assert!(tally.acknowledged * 10 >= tally.posts * 3, "too few were acknowledged: {tally:?}");
    assert!(!process.has_ended(), "it ran all the time");
}

// Shows F15.
/// To prune needs room itself: nothing is overwritten in place before it stands in the log.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_pruned_on_a_full_disk_is_pruned_as_soon_as_there_is_space() {
    let database = Arc::new(Database::on(Disk::tmpfs(32)).and_effects());
    let mut process = Process::builder(&database).start().await;
    let ledger = Ledger::default();
    let entry = |number: usize| ledger.enter("interview_result", large(number));
    for number in 0..100 {
        assert!(process.deliver(&ledger, entry(number)).await.is_acknowledged());
    }
    drained(&database).await;
    database.run("UPDATE mojito_deliveries SET received_at = '2001-01-01 00:00:00.000000'");
    database.disk().fill();
    let mut number = 100;
    while process.deliver(&ledger, entry(number)).await != PostOutcome::Refused(503) {
        number += 1;
    }
    let host = process.ready().await.unwrap();

    let refused = try_send(host, "POST", "/prune").await.unwrap();
    database.disk().free();
    let pruned = try_send(host, "POST", "/prune").await.unwrap();

    assert_eq!(refused.status, 503);
    assert_eq!((pruned.status, pruned.body.as_str()), (200, "100"));
    assert!(process.deliver(&ledger, entry(number + 1)).await.is_acknowledged());
    drained(&database).await;
}

fn large(number: usize) -> Vec<u8> {
    let body = Body::result(&format!("r-{number}")).with("candidate_external_id", format!("mark-{number}"));
    body.with("ai_analysis", "clear answers ".repeat(2000)).bytes()
}
