use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::InstrumentationEvent;
use diesel_async::AsyncConnection;
use mojito_schema::{
    Clock, EventKind, FindingCode, Name, Operations, Postgres, Selection, Sqlite, Standing, State, Timestamp,
};

use super::{COUNT, Explained, explain, history, numbers, plans};
use crate::harness::{Store, TestBackend, is_full, rounds};

/// How many rows a look reads at most, where no index leads to the selected ones.
const PAGE: u64 = 10_000;

/// The times that each statement runs on Postgres. The fastest counts.
const ROUNDS: usize = 3;

/// The bars at full scale, for each statement. A look reads a page, and a count all that it counts. SQLite is built
/// without optimisation here.
const LONGEST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_COUNT: Duration = Duration::from_millis(100);
const LONGEST_ON_SQLITE: Duration = Duration::from_millis(500);

/// Every filter of a list alone, and those together that one index does not serve.
fn selections() -> Vec<Selection> {
    let all = Selection::all;
    let error = "no desk of kind c";
    let week = Timestamp::now().before(Duration::from_secs(7 * 86_400));
    let mut selections = vec![
        all(),
        all().endpoint("elsewhere"),
        all().event(EventKind::InterviewFailed),
        all().standing(Standing::Quarantined),
        all().standing(Standing::Late),
        all().finding(FindingCode::WrongType),
        all().result_id("r5"),
        all().result_id("nobody"),
        all().received_from(week),
        all().received_until(week),
        all().handler("Desk"),
        all().handler("Rare"),
        all().error(error),
        all().error("no such error"),
        all().error(error).handler("Rare"),
        all().error(error).endpoint("elsewhere"),
        all().error(error).state(State::Discarded),
        Selection::delivery(7),
    ];
    for state in State::ALL {
        selections.extend([all().state(*state), all().state(*state).handler("Rare")]);
    }
    selections
}

/// Everything that an operator looks at: each verb of `Inbox` that lists, selects, groups or tells of one thing.
async fn look_around<B: TestBackend>(connection: &mut B::Connection) {
    for selection in selections() {
        B::list(connection, selection.clone(), i64::MAX, 50).await.unwrap();
        B::page(connection, selection.clone(), 500).await.unwrap();
        B::errors(connection, selection, i64::MAX).await.unwrap();
    }
    B::overview(connection, Timestamp::now()).await.unwrap();
    B::endpoints(connection, vec!["default".to_owned(), "elsewhere".to_owned()]).await.unwrap();
    <B as Operations<B::Connection>>::audit(connection, i64::MAX, 50).await.unwrap();
    B::attempts(connection, 40).await.unwrap();
    B::delivery(connection, 40).await.unwrap();
    for name in ["default", "elsewhere"] {
        B::is_known(connection, Name::Endpoint(name.to_owned())).await.unwrap();
    }
    B::is_known(connection, Name::Handler("Desk".to_owned())).await.unwrap();
    let clock: Clock = B::read_clock(connection, Duration::from_secs(400 * 86_400), Timestamp::now()).await.unwrap();
    let expiry = clock.expiry(Duration::from_secs(200 * 86_400));
    B::count_prunable(connection, expiry, expiry, 0, 5_000).await.unwrap();
}

/// The counts of all that waits, and of all that is dead: they read an index, and no table.
async fn count<B: TestBackend>(connection: &mut B::Connection) {
    B::backlog(connection, Timestamp::now()).await.unwrap();
    B::known_handlers(connection).await.unwrap();
    B::is_known(connection, Name::Handler("Typo".to_owned())).await.unwrap();
}

fn assert_reads(plans: &[String], most: u64) {
    for plan in plans {
        let large = ["mojito_attempts", "mojito_deliveries", "mojito_results", "mojito_work"];
        let scanned = large.iter().find(|table| plan.contains(&format!("Seq Scan on {table}")));
        assert_eq!(scanned, None, "{plan}");
        for step in plan.split("(actual ").skip(1) {
            let (found, times) = (numbers(step, "rows=").next(), numbers(step, "loops=").next());
            assert!(found.zip(times).is_none_or(|(found, times)| found * times <= most), "{plan}");
        }
        assert!(numbers(plan, "Removed by Filter: ").all(|removed| removed <= most), "{plan}");
    }
}

/// The time that a statement took, as the server logs it.
fn took(plan: &str) -> Duration {
    let milliseconds = plan.split("duration: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    Duration::from_secs_f64(milliseconds.unwrap_or(0.0) / 1_000.0)
}

#[expect(clippy::print_stdout, reason = "it is what the test is run for")]
fn assert_fast(mut times: Vec<(Duration, String)>, rows: u32, bar: Duration) {
    times.sort();
    let (longest, statement) = times.last().unwrap();
    println!("{rows} deliveries, {} statements, the longest took {longest:?}: {statement}", times.len());
    let slow: Vec<_> = times.iter().filter(|(time, _)| is_full() && *time >= bar).collect();
    assert!(slow.is_empty(), "{slow:#?}");
}

// Shows F31.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_looks_by_an_index_or_within_a_page() {
    let rows = rounds(50_000, 1_000_000);
    let mut store = Store::<Postgres>::open().await;
    store.run(&history(rows)).await;
    store.run(COUNT).await;
    let (mut looked, mut counted) = (Explained::open(&store).await, Explained::open(&store).await);

    // The first reading of the clock is stored.
    look_around::<Postgres>(&mut store.connection).await;
    for _ in 0..ROUNDS {
        look_around::<Postgres>(&mut looked.connection).await;
        count::<Postgres>(&mut counted.connection).await;
    }

    let looks = plans(&mut store, &looked.session).await;
    let counts = plans(&mut store, &counted.session).await;
    assert!(looks.len() > 200 && counts.len() > 10, "{} and {}", looks.len(), counts.len());
    assert_reads(&looks, PAGE);
    assert_reads(&counts, u64::from(rows) / 10);
    for (plans, bar) in [(looks, LONGEST_LOOK), (counts, LONGEST_COUNT)] {
        let statements = plans.len() / ROUNDS;
        assert_eq!(plans.len(), statements * ROUNDS, "each round is the same");
        let fastest = |n: usize| plans[n..].iter().step_by(statements).map(|plan| (took(plan), plan.clone())).min();
        assert_fast((0..statements).filter_map(fastest).collect(), rows, bar);
    }
}

/// A host that has received for a year, as on Postgres.
fn sqlite_history(rows: u32) -> String {
    format!(
        "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows})
         INSERT INTO mojito_deliveries
             (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint, secret_id, received_at, body)
         SELECT i, 'default', 'interview_result', 'r' || ((i - 1) / 4), i - (i - 1) % 4, (i - 1) % 4 + 1, 'current',
                CAST(printf('%032d', i) AS BLOB), 'test',
                strftime('%Y-%m-%d %H:%M:%f000', 'now', (365 * 86400 * (i / {rows}.0 - 1)) || ' seconds'),
                CASE WHEN i > {rows} * 0.8 THEN CAST('{{\"id\":\"r' || ((i - 1) / 4) || '\"}}' AS BLOB) END
         FROM numbers;
         INSERT INTO mojito_results
             (endpoint, id, event, version, candidate_name, score, first_delivery_id, delivery_id, first_received_at,
              updated_at)
         SELECT endpoint, result_id, event, version, 'Test Person', id, first_delivery_id, id, received_at, received_at
         FROM mojito_deliveries WHERE version = 4;
         INSERT INTO mojito_work
             (delivery_id, handler, first_delivery_id, state, attempt, max_attempts, due_at, lease_until, epoch, finished_at,
              last_error, error_group, is_first)
         SELECT id, 'Desk', first_delivery_id, state, CASE WHEN state = 'pending' THEN 0 ELSE 1 END, 12,
                CASE WHEN state = 'retryable' THEN received_at END, CASE WHEN state = 'running' THEN received_at END,
                1, CASE WHEN state IN ('completed', 'discarded') THEN received_at END,
                CASE WHEN state IN ('retryable', 'discarded') THEN 'no desk of kind ' || char(97 + id % 20) END,
                CASE WHEN state IN ('retryable', 'discarded') THEN 'no desk of kind ' || char(97 + id % 20) END, false
         FROM (SELECT *, CASE WHEN id > {rows} * 0.999 THEN 'running' WHEN id > {rows} * 0.97 THEN 'pending'
                              WHEN id > {rows} * 0.95 THEN 'retryable' WHEN id % 20 = 0 THEN 'discarded'
                              ELSE 'completed' END AS state
               FROM mojito_deliveries);
         UPDATE mojito_work SET is_first = true
         WHERE finished_at IS NULL AND delivery_id =
             (SELECT min(delivery_id) FROM mojito_work AS other WHERE other.first_delivery_id = mojito_work.first_delivery_id
              AND other.delivery_id >= mojito_work.first_delivery_id AND other.delivery_id < mojito_work.first_delivery_id + 4
              AND other.finished_at IS NULL)"
    )
}

// Shows F31.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_looks_by_an_index_or_within_a_page() {
    let rows = rounds(20_000, 1_000_000);
    let mut store = Store::<Sqlite>::open().await;
    store.run(&sqlite_history(rows)).await;
    let statements = Arc::<Mutex<Vec<(Instant, String)>>>::default();
    let heard = Arc::clone(&statements);
    look_around::<Sqlite>(&mut store.connection).await;
    store.connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            heard.lock().unwrap().push((Instant::now(), query.to_string()));
        }
    });

    look_around::<Sqlite>(&mut store.connection).await;
    count::<Sqlite>(&mut store.connection).await;

    let ended = Instant::now();
    let statements = std::mem::take(&mut *statements.lock().unwrap());
    // A statement and the reading of its rows have ended where the next one begins.
    let ends = statements.iter().skip(1).map(|(began, _)| *began).chain([ended]);
    let times = statements.iter().zip(ends).map(|((began, sql), ended)| (ended - *began, sql.clone()));
    assert_fast(times.filter(|(_, sql)| sql.contains("mojito_")).collect(), rows, LONGEST_ON_SQLITE);
    let mut explained = 0;
    for (_, statement) in &statements {
        let sql = statement.split(" -- binds").next().unwrap();
        if sql.contains("mojito_") && !sql.contains("mojito_clock_readings") {
            explained += 1;
            assert_bounded(sql, &explain(&mut store, sql).await);
        }
    }
    assert!(explained > 200, "{explained}");
}

/// A scan reads a small table, a partial index, or as many rows as its limit says.
fn assert_bounded(sql: &str, steps: &[String]) {
    let sorts = steps.iter().any(|step| step.starts_with("USE TEMP B-TREE FOR ORDER BY"));
    for step in steps.iter().filter(|step| step.starts_with("SCAN mojito_")) {
        let is_small =
            ["mojito_handlers", "mojito_seen"].iter().any(|table| step.starts_with(&format!("SCAN {table}")));
        let is_partial = step.contains("INDEX mojito_work_")
            || ["quarantined", "undismissed"]
                .iter()
                .any(|kind| step.contains(&format!("INDEX mojito_deliveries_{kind}")));
        // An empty list fits no row, and none is read.
        let is_empty = sql.contains("(1=0)");
        assert!(is_small || is_partial || is_empty || (sql.contains("LIMIT") && !sorts), "{step}: {sql}");
    }
}
