//! The machine's clock jumps. On SQLite it judges leases. (`dispatch::clock` has the pauses.)

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{Database, FinalState, Load, Process, SENDERS, TestDatabase, drained, overlaps, rounds, seed};

/// By how many seconds the clock is wrong, again and again.
const OFFSETS: [&str; 6] = ["+3600", "+0", "-3600", "+86400", "-86400", "+0"];

// Shows F60.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_takes_no_lease_away_and_holds_nothing_back() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let clock = database.folder().join("clock");
    let set = |offset: &str| {
        // A reader reads one or the other.
        std::fs::write(clock.with_extension("draft"), offset).unwrap();
        std::fs::rename(clock.with_extension("draft"), &clock).unwrap();
    };
    set("+0");
    let host = Process::builder(&database).setting("lease", 2).handlers("effects:slow:300,external:external");
    let mut process = host.clock(&clock).start().await;
    let load = Load::start(&mut random, Duration::from_millis(120));
    load.post_to(&[process.ready().await.unwrap()]);

    let jumps = rounds(12, 200) as usize;
    for offset in OFFSETS.iter().cycle().take(jumps) {
        tokio::time::sleep(Duration::from_millis(random.u64(200..900))).await;
        set(offset);
        // Each sender has one request on its way at most: the others came in by the new clock.
        load.acknowledged(load.ledger.tally().acknowledged + SENDERS + 1).await;
    }
    let ledger = load.stop().await;
    drained(&database).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects", "external"]);
    let again = final_state.work.iter().filter(|work| work.handler == "effects" && work.attempt > 1).count();
    assert_eq!(again, 0, "no lease was taken away");
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
    let tally = ledger.tally();
    assert_eq!(tally.acknowledged, tally.posts, "{tally:?}");
    let days: Vec<String> =
        database.texts("SELECT DISTINCT substr(received_at, 1, 10) AS value FROM mojito_deliveries");
    assert!(days.len() >= 3, "the clock has jumped: {days:?}");
}
