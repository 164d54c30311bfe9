//! Transactions that get in each other's way, and pools that are used up.

use std::collections::HashSet;
use std::time::Duration;

use fastrand::Rng;

use super::cluster::{addresses, ended, host, settled, start};
use crate::harness::{Load, PostgresDatabase, TestDatabase, overlaps, post_at_once, rounds, seed};

/// How many rows all handlers write to.
const COUNTERS: i64 = 12;

/// Makes due what rests, one at a time and without an end. Each conflict of a delivery doubles its pause, and the table
/// is so small that a serializable transaction conflicts with every other that runs.
async fn cut_pauses(database: &PostgresDatabase) {
    loop {
        let first = "SELECT delivery_id FROM mojito_work WHERE state = 'retryable' ORDER BY due_at LIMIT 1";
        let cut =
            format!("UPDATE mojito_work SET due_at = now() WHERE delivery_id = ({first}) AND state = 'retryable'");
        database.run(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {cut}; COMMIT")).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn assert_all_is_counted(isolation: &str) {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    database.run(&format!("INSERT INTO counters SELECT n, 0 FROM generate_series(0, {COUNTERS} - 1) AS n")).await;
    let name = database.texts("SELECT current_database() AS value").await.remove(0);
    database.run(&format!("ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")).await;
    database.run(&format!("ALTER DATABASE {name} SET deadlock_timeout = '20ms'")).await;
    let counting = host(&database).handlers(format!("effects:counting:{COUNTERS}")).setting("lease", 15);
    let mut hosts = start(&counting, 2).await;
    let load = Load::over(&mut random, Duration::from_millis(10), 3, 3);
    load.post_to(&addresses(&mut hosts).await);

    let (enough, mut longest) = (rounds(150, 10_000) as usize, 0);
    while load.ledger.tally().acknowledged < enough {
        // A first conflict is followed by another attempt within 50 ms.
        let pauses = "SELECT coalesce(max(extract(epoch FROM due_at - now()) * 1000)::bigint, 0) FROM mojito_work
            WHERE state = 'retryable' AND attempt = 1";
        longest = database.number(pauses).await.max(longest);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ledger = load.stop().await;
    tokio::select! {
        () = database.drained() => {}
        () = cut_pauses(&database) => {}
    }
    let final_state = settled(&database, &ledger, &["effects"]).await;

    assert_eq!(final_state.discarded().len(), 0, "{:?}", final_state.discarded());
    assert!(longest < 1_000, "after a conflict somebody waited for {longest} ms");
    assert_eq!(overlaps(&ended(&final_state.journal)), [""; 0]);
    let counted = database.number("SELECT sum(count) FROM counters").await;
    let effects = i64::try_from(final_state.effects.len()).unwrap();
    assert_eq!(counted, 3 * effects, "each effect counted once in each of its rows, and none besides");
    let again = final_state.work.iter().filter(|work| work.attempt > 1).count();
    let refused = ledger.tally();
    assert_eq!(refused.acknowledged, refused.posts, "what records does not mind: {refused:?}");
    refused.report(&format!("F22 {isolation}, {} handled", final_state.effects.len()), again);
}

// Shows F22.
#[tokio::test(flavor = "multi_thread")]
async fn handlers_that_deadlock_are_run_again_as_a_whole() {
    assert_all_is_counted("read committed").await;
}

// Shows F22.
#[tokio::test(flavor = "multi_thread")]
async fn handlers_that_cannot_be_serialized_are_run_again_as_a_whole() {
    assert_all_is_counted("serializable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_repeatable_read_by_default_changes_nothing() {
    assert_all_is_counted("repeatable read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_what_nobody_understands_are_one_delivery_whatever_the_isolation() {
    let database = PostgresDatabase::shared().await;
    let name = database.texts("SELECT current_database() AS value").await.remove(0);
    database.run(&format!("ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")).await;
    let mut hosts = start(&host(&database), 4).await;
    let addresses = addresses(&mut hosts).await;

    for round in 0..rounds(20, 200) {
        let copies = post_at_once(&addresses, vec![format!("no JSON, {round}").into_bytes(); 12]).await;

        let ids: HashSet<i64> = copies.iter().map(|copy| copy.delivery()).collect();
        assert_eq!(ids.len(), 1, "every copy is told the same");
        let stored = database.number("SELECT count(*) FROM mojito_deliveries").await;
        assert_eq!(stored, i64::from(round) + 1, "stored once");
    }
}

// Shows F21.
#[tokio::test(flavor = "multi_thread")]
async fn handlers_that_hold_every_connection_of_the_pool_do_not_keep_anybody_from_recording() {
    let database = PostgresDatabase::shared().await;
    let gate = database.folder().join("gate");
    let holding =
        host(&database).handlers(format!("effects:holding:{}", gate.display())).setting("handler_concurrency", 8);
    let mut hosts = start(&holding.pool(4).setting("lease", 60), 1).await;
    let mut random = Rng::with_seed(seed());
    let load = Load::start(&mut random, Duration::ZERO);
    load.post_to(&addresses(&mut hosts).await);
    let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND state = 'idle in transaction' AND state_change < now() - interval '300 milliseconds'";
    database.wait_until("every connection of the pool is taken", held, 4).await;

    let before = load.ledger.tally();
    load.acknowledged(before.acknowledged + rounds(50, 1_000) as usize).await;
    let during = load.ledger.tally();
    let taken = database.number(held).await;
    std::fs::write(&gate, "").unwrap();
    let ledger = load.stop().await;
    database.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;

    settled(&database, &ledger, &["effects"]).await;
    // On a busy machine a session that records may rest as long.
    assert!(taken >= 4, "they held it all the time: {taken}");
    assert_eq!(during.acknowledged, during.posts - during.unanswered, "{during:?}");
    // A second, and something for a busy machine.
    assert!(during.longest <= Duration::from_secs(2), "the longest answer took {:?}", during.longest);
    ledger.tally().report("F21 pool exhaustion", usize::try_from(taken).unwrap());
}
