//! The example application, in several processes on one database: nobody is filed twice, and nobody out of turn.

use std::time::Duration;

use fastrand::Rng;
use mojito_schema::Postgres;
use tokio::task::JoinHandle;

use super::cluster::addresses;
use crate::harness::{Example, FinalState, Load, PostgresDatabase, Process, TestDatabase, rounds, seed};

/// Deliveries that stand on the desk's timeline twice.
const TWICE: &str = "SELECT count(*) FROM
    (SELECT FROM application_events GROUP BY delivery_id HAVING count(*) > 1) AS twice";

/// Deliveries that stand on the timeline behind a later one about the same result.
const OUT_OF_TURN: &str = "SELECT count(*) FROM
    (SELECT delivery_id, lag(delivery_id) OVER (PARTITION BY result_id ORDER BY id) AS former FROM application_events)
    AS line WHERE former > delivery_id";

/// Current deliveries that never came to the timeline.
const MISSING: &str = "SELECT count(*) FROM mojito_deliveries AS delivery WHERE standing = 'current' AND NOT EXISTS
    (SELECT FROM application_events WHERE delivery_id = delivery.id)";

/// The timeline notes which desk filed an entry, and some entries cannot be filed at the first try.
const OBSTACLES: &str = "
    ALTER TABLE application_events ADD COLUMN desk TEXT DEFAULT current_setting('application_name');
    CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.03 THEN RAISE EXCEPTION 'in the way of the canary of a handler' USING ERRCODE = 'serialization_failure'; END IF;
        IF random() < 0.03 THEN RAISE EXCEPTION 'no printer for the canary of a handler'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER stumble AFTER INSERT ON application_events FOR EACH ROW EXECUTE FUNCTION stumble()";

/// Desks on one database. Each has a name, which its connections bear.
struct Desks {
    examples: Vec<Example>,
    desks: Vec<Process>,
}

impl Desks {
    async fn start(database: &PostgresDatabase, count: usize) -> Self {
        let named = |number| Example::on::<Postgres>(&format!("{}?application_name=desk-{number}", database.url()));
        let examples: Vec<Example> = (0..count).map(named).collect();
        let mut desks: Vec<Process> = examples.iter().map(|example| example.spawn(&[])).collect();
        for desk in &mut desks {
            assert!(desk.ready().await.is_some(), "a desk ended before it listened");
        }
        Self { examples, desks }
    }

    /// Kills one of them and starts it again.
    async fn kill(&mut self, victim: usize) {
        self.desks[victim].kill();
        self.desks[victim] = self.examples[victim].start().await;
    }
}

/// Makes due at once, again and again, what waits for another attempt: the backoff is not what is tested here.
fn hurry(database: &PostgresDatabase) -> JoinHandle<()> {
    let url = database.url();
    tokio::spawn(async move {
        loop {
            // The connection may be one of those that are ended.
            let _ =
                PostgresDatabase::run_at(&url, "UPDATE mojito_work SET due_at = now() WHERE state = 'retryable'").await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
}

/// Everything that went out is there and filed, once and in its turn.
async fn assert_all_is_filed(database: &PostgresDatabase, desks: &Desks, load: Load, what: &str, faults: usize) {
    let ledger = load.stop().await;
    database.drained().await;
    let logs: Vec<_> = desks.examples.iter().map(Example::folder).collect();
    let final_state = FinalState::read_postgres_with_logs(database, &ledger, &logs).await;
    final_state.check_deliveries(&["HiringDesk"]);

    assert_eq!(final_state.discarded().len(), 0, "{:?}", final_state.discarded());
    assert_eq!(database.number(TWICE).await, 0, "filed twice");
    assert_eq!(database.number(OUT_OF_TURN).await, 0, "filed out of turn");
    assert_eq!(database.number(MISSING).await, 0, "never filed");
    let again = final_state.work.iter().filter(|work| work.attempt > 1).count();
    let (deliveries, results) = (final_state.deliveries.len(), final_state.results.len());
    println!("{what}: {deliveries} deliveries about {results} results, {again} attempted more than once");
    ledger.tally().assert_answers(Duration::from_secs(5));
    ledger.tally().report(what, faults);
}

// Shows F40.
#[tokio::test(flavor = "multi_thread")]
async fn four_desks_share_the_work_and_file_each_delivery_once_and_in_its_turn() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let mut desks = Desks::start(&database, 4).await;
    database.run(OBSTACLES).await;
    let hurry = hurry(&database);
    let load = Load::over(&mut random, Duration::ZERO, 5, 10);
    load.post_to(&addresses(&mut desks.desks).await);

    let enough = rounds(600, 20_000) as usize;
    let mut ended = 0;
    for part in 1..=20 {
        load.acknowledged(enough * part / 20).await;
        ended += database.end_a_connection().await;
    }

    assert_all_is_filed(&database, &desks, load, "F40 four desks", ended).await;
    hurry.abort();
    let filed = database.number("SELECT count(*) FROM application_events").await;
    for desk in 0..desks.desks.len() {
        let own = database.number(&format!("SELECT count(*) FROM application_events WHERE desk = 'desk-{desk}'")).await;
        println!("F40: {own} of {filed} filed by desk {desk}");
        assert!(own * 20 >= filed, "no desk starves");
    }
}

// Shows F01.
#[tokio::test(flavor = "multi_thread")]
async fn desks_that_are_killed_under_load_are_stood_in_for_by_the_others() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let mut desks = Desks::start(&database, 3).await;
    let load = Load::start(&mut random, Duration::from_millis(20));
    load.post_to(&addresses(&mut desks.desks).await);

    let (kills, mut hits) = (rounds(6, 200), 0);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.u64(100..900))).await;
        hits += usize::from(load.in_flight() > 0);
        desks.kill(random.usize(0..3)).await;
        load.post_to(&addresses(&mut desks.desks).await);
    }

    assert_all_is_filed(&database, &desks, load, &format!("F01 {kills} kills of one of three desks"), hits).await;
}
