//! Two versions of the program on one database, as while it is rolled out.

use std::time::Duration;

use fastrand::Rng;

use super::cluster::{HANDLERS, addresses, host, post, settled, start};
use crate::harness::{Ledger, Load, PostOutcome, PostgresDatabase, TestDatabase, seed};

/// A later version may add to the tables while an older one still runs, and never takes away.
const LATER: &str = "
    ALTER TABLE mojito_deliveries ADD COLUMN of_next_year TEXT;
    ALTER TABLE mojito_results ADD COLUMN of_next_year TEXT;
    ALTER TABLE mojito_work ADD COLUMN of_next_year TEXT, ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE mojito_audit ADD COLUMN of_next_year TEXT;
    CREATE INDEX mojito_deliveries_next ON mojito_deliveries (of_next_year);
    CREATE INDEX mojito_results_next ON mojito_results (of_next_year);
    CREATE INDEX mojito_work_next ON mojito_work (priority, due_at);
    CREATE TABLE mojito_next (id BIGINT);
    INSERT INTO mojito_migrations (name) VALUES ('0099_of_next_year')";

// Shows F57, M34.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_goes_on_and_starts_beside_the_tables_of_a_later_version() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let mut hosts = start(&host(&database), 2).await;
    let load = Load::start(&mut random, Duration::from_millis(20));
    load.post_to(&addresses(&mut hosts).await);
    database.wait_until("it works", "SELECT count(*) FROM effects", 20).await;

    // Running statements lock the tables in an order of their own: a migration may have to begin again.
    while PostgresDatabase::run_at(&database.url(), &format!("BEGIN; {LATER}; COMMIT")).await.is_err() {}
    hosts.push(host(&database).start().await);
    load.post_to(&addresses(&mut hosts).await);
    let before = database.number("SELECT count(*) FROM effects").await;
    database.wait_until("it works on", "SELECT count(*) FROM effects", before + 50).await;
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(final_state.discarded().len(), 0);
    let tally = ledger.tally();
    assert_eq!(tally.acknowledged, tally.posts, "{tally:?}");
    assert!(hosts.iter().all(|host| !host.log().contains("column")), "no column was missed");
    let later = database.number("SELECT count(*) FROM mojito_migrations WHERE name = '0099_of_next_year'").await;
    tally.report("F57 later tables", usize::try_from(later).unwrap());
}

/// Words that this version does not know, in every column that holds one, as a later version may write them.
const WORDS: &str = "
    ALTER TABLE mojito_deliveries DROP CONSTRAINT mojito_deliveries_sound;
    ALTER TABLE mojito_results DROP CONSTRAINT mojito_results_event;
    ALTER TABLE mojito_work DROP CONSTRAINT mojito_work_sound;
    INSERT INTO mojito_deliveries (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint,
            secret_id, received_at, body, findings)
        SELECT n, 'default', event, 'later-' || event || '-' || standing, n, 1, standing,
            sha256((event || standing)::bytea), 'test', now(), '{}', '[{\"code\":\"of_next_year\",\"field\":null}]'
        FROM (VALUES (9001, 'interview_result', 'superseded'), (9002, 'interview_scheduled', 'current'),
            (9003, 'interview_scheduled', 'superseded')) AS later (n, event, standing);
    INSERT INTO mojito_results
            (endpoint, id, event, version, first_delivery_id, delivery_id, first_received_at, updated_at)
        SELECT endpoint, result_id, event, 1, id, id, now(), now()
        FROM mojito_deliveries WHERE result_id LIKE 'later-%';
    INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, state, max_attempts, due_at)
        SELECT id, 'effects', id, 'pending', 3, '2001-01-01' FROM mojito_deliveries WHERE result_id LIKE 'later-%';
    INSERT INTO mojito_deliveries (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint,
            secret_id, received_at, body)
        SELECT 9100 + n, 'default', 'interview_result', 'held-' || n, 9100 + n, 1, 'current', sha256(n::text::bytea),
            'test', now(), '{}'
        FROM generate_series(1, 8) AS n;
    INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, state, attempt, max_attempts, due_at, lease_until)
        SELECT id, 'effects', id, 'held_back', 1, 3, '2001-01-01', '2001-01-01'
        FROM mojito_deliveries WHERE result_id LIKE 'held-%'";

// Shows F57.
#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_later_version_keep_nobody_from_what_they_know() {
    let database = PostgresDatabase::shared().await;
    let mut hosts = start(&host(&database).handlers("effects:plain").setting("handler_concurrency", 2), 1).await;
    let address = addresses(&mut hosts).await[0];
    database.run(WORDS).await;
    let later = "SELECT count(*) FROM mojito_work JOIN mojito_deliveries ON id = delivery_id \
        WHERE result_id LIKE 'later-%' OR result_id LIKE 'held-%'";
    let there = database.number(later).await;
    let ledger = Ledger::default();

    // Those that it cannot judge are refused, so that their sender comes again, to whoever can.
    let refused = post(address, &ledger, "later-interview_scheduled-current", "a").await;
    for number in 0..20 {
        let outcome = post(address, &ledger, &format!("r-{number}"), "a").await;
        assert!(outcome.is_acknowledged(), "{outcome:?}");
    }
    database.wait_until("all that it knows is handled", "SELECT count(*) FROM effects", 20).await;

    assert_eq!(refused, PostOutcome::Refused(503));
    let untouched = format!("{later} AND epoch = 0 AND finished_at IS NULL");
    let untouched = untouched.replace("LIKE 'later-%' OR result_id LIKE 'held-%'", "SIMILAR TO '(later|held)-%'");
    assert_eq!(database.number(&untouched).await, there, "what it does not know is left as it is");
    let foreign = "SELECT count(*) FROM effects WHERE result_id NOT LIKE 'r-%'";
    assert_eq!(database.number(foreign).await, 0);
    ledger.tally().report("F57 later words", usize::try_from(there).unwrap());
}
