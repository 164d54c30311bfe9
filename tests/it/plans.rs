//! Statements that run often look things up by an index, however much there is: they are those that the verbs run.

mod looks;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::connection::InstrumentationEvent;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, RunQueryDsl};
use mojito_schema::{
    AttemptOutcome, Backend, ClaimRequest, EventKind, HandlerSpec, NewDelivery, Open, Opening, Postgres, Selection,
    Settlement, Snapshot, Sqlite, Standing, State, Ticket, Timestamp, Versions, WorkQueue,
};

use crate::harness::{Store, TestBackend, attach_all, deliveries, rounds};

const LEASE: Duration = Duration::from_secs(60);

/// A host that has received for a year: nine of ten deliveries are done, some are given up, some wait, a few run.
fn history(rows: u32) -> String {
    history_from(1, rows)
}

/// The same without what came before delivery `first`, which is the first of a result.
fn history_from(first: u32, rows: u32) -> String {
    format!(
        "INSERT INTO mojito_deliveries
             (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint, secret_id, received_at, body)
         SELECT i, 'default', 'interview_result', 'r' || (i - 1) / 4, i - (i - 1) % 4, (i - 1) % 4 + 1,
                'current', sha256(int8send(i)), 'test',
                now() - interval '365 days' * (1 - i / {rows}.0),
                CASE WHEN i > {rows} * 0.8 THEN convert_to('{{\"id\":\"r' || (i - 1) / 4 || '\",\"score\":' || i || '}}', 'UTF8') END
         FROM generate_series({first}, {rows}::bigint) AS i;
         SELECT setval(pg_get_serial_sequence('mojito_deliveries', 'id'), {rows});
         INSERT INTO mojito_results
             (endpoint, id, event, version, candidate_name, score, first_delivery_id, delivery_id, first_received_at,
              updated_at)
         SELECT endpoint, result_id, event, version, 'Test Person', id, first_delivery_id, id, received_at, received_at
         FROM mojito_deliveries WHERE version = 4 AND id >= {first};
         INSERT INTO mojito_work
             (delivery_id, handler, first_delivery_id, state, attempt, max_attempts, due_at, lease_until, epoch, finished_at,
              last_error, error_group)
         SELECT id, 'Desk', first_delivery_id, state, CASE WHEN state = 'pending' THEN 0 ELSE 1 END, 12,
                CASE WHEN state = 'pending' THEN now() WHEN state = 'retryable' THEN now() + interval '1 hour' END,
                CASE WHEN state = 'running' THEN now() + interval '1 minute' * (id % 3 - 1) END,
                1, CASE WHEN state IN ('completed', 'discarded') THEN received_at END,
                CASE WHEN state IN ('retryable', 'discarded') THEN 'no desk of kind ' || chr(97 + CAST(id % 20 AS INTEGER)) END,
                CASE WHEN state IN ('retryable', 'discarded') THEN 'no desk of kind ' || chr(97 + CAST(id % 20 AS INTEGER)) END
         FROM (SELECT *, CASE WHEN id > {rows} * 0.999 THEN 'running' WHEN id > {rows} * 0.97 THEN 'pending'
                              WHEN id > {rows} * 0.95 THEN 'retryable' WHEN id % 20 = 0 THEN 'discarded'
                              ELSE 'completed' END AS state
               FROM mojito_deliveries WHERE id >= {first}) AS deliveries;
         UPDATE mojito_work AS one SET is_first = true
         FROM (SELECT DISTINCT ON (first_delivery_id, handler) delivery_id, handler FROM mojito_work WHERE finished_at IS NULL
               ORDER BY first_delivery_id, handler, state <> 'running', delivery_id) AS firsts
         WHERE one.delivery_id = firsts.delivery_id AND one.handler = firsts.handler AND one.delivery_id >= {first};
         INSERT INTO mojito_attempts (delivery_id, handler, attempt, ended_at, outcome, error)
         SELECT delivery_id, handler, 1, now(), 'failed', 'no' FROM mojito_work
         WHERE state IN ('retryable', 'discarded') AND delivery_id >= {first}"
    )
}

const COUNT: &str = "ANALYZE mojito_deliveries; ANALYZE mojito_results; ANALYZE mojito_work; ANALYZE mojito_attempts";

/// Keeps the server from counting by itself, as it does from time to time.
const NEVER_COUNT_AGAIN: &str = "
    ALTER TABLE mojito_attempts SET (autovacuum_enabled = false);
    ALTER TABLE mojito_deliveries SET (autovacuum_enabled = false);
    ALTER TABLE mojito_results SET (autovacuum_enabled = false);
    ALTER TABLE mojito_work SET (autovacuum_enabled = false)";

fn delivery(result: &str, text: &str) -> NewDelivery {
    deliveries::snapshot_of(EventKind::InterviewResult, result, Snapshot::empty(), text)
}

async fn record<B: TestBackend>(connection: &mut B::Connection, batch: Vec<NewDelivery>) {
    let handler = HandlerSpec {
        name: "Desk".to_owned(),
        takes_late: false,
        wants: Versions::Every,
        max_attempts: 12,
        has_erased_hook: false,
    };
    attach_all::<B>(connection, &Arc::new(vec![handler])).await;
    B::record(connection, Arc::new(batch), Timestamp::now()).await.unwrap();
}

/// Everything that happens to deliveries while nobody looks: recorded, claimed, settled, rescued, pruned.
async fn work_a_while<B: TestBackend>(connection: &mut B::Connection) {
    let now = Timestamp::now();
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let garbled = deliveries::garbled("?");
    record::<B>(connection, vec![delivery("r5", "next"), delivery("new", "first"), garbled]).await;
    record::<B>(connection, vec![delivery("r5", "next"), delivery("r7", "next")]).await;
    let claims = B::claim(connection, ClaimRequest::new("Desk", 4, LEASE), now).await.unwrap().claims;
    assert_eq!(claims.len(), 4);
    let tickets: Vec<_> = claims.into_iter().map(|claim| claim.ticket).collect();
    // Twice: what was rescued once is a suspect the next time.
    for _ in 0..2 {
        B::renew_and_rescue(connection, tickets.clone(), LEASE, now).await.unwrap();
        B::execute(connection, "UPDATE mojito_work SET lease_until = '2001-01-01 00:00:00', attempt = 5 \
                                WHERE delivery_id = (SELECT max(delivery_id) FROM mojito_work WHERE lease_until IS NOT NULL)")
            .await;
    }
    assert!(B::begin(connection, tickets[3].clone(), LEASE, now).await.unwrap());
    B::commit(connection, Some(tickets[3].line())).await.unwrap();
    for (ticket, settlement) in tickets.into_iter().zip([
        Settlement::Complete,
        Settlement::Release,
        Settlement::Retry { pause: Duration::ZERO, error: "no".to_owned(), outcome: AttemptOutcome::Failed },
    ]) {
        B::settle(connection, ticket, settlement, now).await.unwrap();
    }
    // An attempt that was rescued is followed by its success.
    let again = B::claim(connection, ClaimRequest::new("Desk", 1, LEASE), now).await.unwrap().claims.remove(0);
    assert!(B::begin(connection, Ticket { has_attempts: true, ..again.ticket.clone() }, LEASE, now).await.unwrap());
    B::commit(connection, Some(again.ticket.line())).await.unwrap();
    B::attempts(connection, again.delivery.id).await.unwrap();
    B::take_hook(connection, Arc::from("Desk"), LEASE, now).await.unwrap();
    for selection in [Selection::all().state(State::Discarded), Selection::all().standing(Standing::Quarantined)] {
        B::list(connection, selection, i64::MAX, 50).await.unwrap();
    }
    let clock = B::read_clock(connection, days(200), now).await.unwrap();
    B::prune_bodies(connection, clock.expiry(days(30)), 100).await.unwrap();
    B::prune_deliveries(connection, clock.expiry(days(200)), 0, 100).await.unwrap();
}

/// The plan of every statement of a session, carried out.
async fn plans(store: &mut Store<Postgres>, session: &str) -> Vec<String> {
    let log = store.texts("SELECT pg_read_file('log') AS value").await.remove(0);
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match entries.last_mut() {
            Some(entry) if line.starts_with('\t') => *entry = format!("{entry}\n{line}"),
            _ => entries.push(line.to_owned()),
        }
    }
    let of_verb = |entry: &String| entry.contains("mojito_") && !entry.contains("'2001-");
    entries.retain(|entry| entry.contains(&format!("[{session}] LOG:  duration:")) && of_verb(entry));
    entries
}

/// The numbers that follow a word in a text.
fn numbers<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = u64> + 'a {
    text.split(word).skip(1).filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok())
}

// Shows F31.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_reads_no_more_than_it_needs_of_a_large_table() {
    let rows = rounds(200_000, 1_000_000);
    let mut store = Store::<Postgres>::open().await;
    let began = Instant::now();
    store.run(&history(rows)).await;
    store.run(COUNT).await;
    println!("{rows} deliveries, filled in {:?}", began.elapsed());

    let plans = plans_of_a_while(&mut store).await;

    assert_lean(&plans, rows);
    for index in ["mojito_work_claimable", "mojito_work_by_lease", "mojito_deliveries_by_fingerprint"] {
        assert!(plans.iter().any(|plan| plan.contains(index)), "{index} is used");
    }
    if std::env::var("MOJITO_TEST_PLANS").is_ok() {
        println!("{}", plans.join("\n"));
    }
    time(&mut store).await;
    claim_with_bad_advice(&mut store).await;
}

// Shows F32.
/// Nobody has counted the rows since there were few, and statements that were prepared then are still in use. So it is
/// for a minute after each rush.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_reads_no_more_than_it_needs_of_a_table_that_it_takes_for_small() {
    for rows in [1, 100] {
        let mut store = Store::<Postgres>::open().await;
        store.run(NEVER_COUNT_AGAIN).await;
        store.run(&history(rows)).await;
        store.run(COUNT).await;
        assert_lean_once_grown(store).await;
    }
}

// Shows F32.
/// The same where it began empty, and has never been counted.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_reads_no_more_than_it_needs_of_a_table_that_began_empty() {
    let mut store = Store::<Postgres>::open().await;
    store.run(NEVER_COUNT_AGAIN).await;
    assert_lean_once_grown(store).await;
}

/// Works until all plans are kept, fills the tables, and looks at what is done then.
async fn assert_lean_once_grown(mut store: Store<Postgres>) {
    const ROWS: u32 = 20_000;
    let mut explained = Explained::open(&store).await;
    // A plan is kept from the sixth time on.
    for round in 0..8 {
        let fresh = |number| delivery(&format!("early-{round}-{number}"), "waits");
        record::<Postgres>(&mut store.connection, (0..4).map(fresh).collect()).await;
        work_a_while::<Postgres>(&mut explained.connection).await;
    }
    let before = plans(&mut store, &explained.session).await.len();
    store.run(&history_from(ROWS / 4 + 1, ROWS)).await;

    work_a_while::<Postgres>(&mut explained.connection).await;

    let plans = plans(&mut store, &explained.session).await;
    assert!(before > 100 && plans.len() > before + 40);
    assert_lean(&plans[before..], ROWS);
}

/// A session that logs how the server goes about each statement.
struct Explained {
    connection: <Postgres as Backend>::Connection,
    session: String,
}

impl Explained {
    async fn open(store: &Store<Postgres>) -> Self {
        let explain = "options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0\
                       %20-c%20auto_explain.log_analyze%3Don%20-c%20auto_explain.log_nested_statements%3Don\
                       %20-c%20jit_above_cost%3D0";
        let mut connection = Postgres::open(&format!("{}?{explain}", store.url()), Open::Existing).await.unwrap();
        let session = "SELECT CAST(pg_backend_pid() AS TEXT) AS value";
        let session = Postgres::texts(&mut connection, session).await.remove(0);
        Self { connection, session }
    }
}

/// The plans of all statements that a life of deliveries needs.
async fn plans_of_a_while(store: &mut Store<Postgres>) -> Vec<String> {
    let mut explained = Explained::open(store).await;
    work_a_while::<Postgres>(&mut explained.connection).await;
    let plans = plans(store, &explained.session).await;
    assert!(plans.len() > 40, "{plans:#?}");
    plans
}

fn assert_lean(plans: &[String], rows: u32) {
    for plan in plans {
        let large = ["mojito_attempts", "mojito_deliveries", "mojito_results", "mojito_work"];
        let scanned = large.iter().find(|table| plan.contains(&format!("Seq Scan on {table}")));
        assert_eq!(scanned, None, "{plan}");
        // Each time, for what takes a tenth of that. Here the server would compile whatever it may. So it does the fence,
        // the promotion and the check of a foreign key: they are in a host's transaction.
        let of_host = ["current_setting(", "SELECT mojito_promote(", "FOR KEY SHARE OF x"];
        let is_of_host = of_host.iter().any(|said| plan.contains(said));
        assert!(!plan.contains("JIT:") || is_of_host, "{plan}");
        // Nothing looks at more than all that waits and runs, five in a hundred, nor reads more by an index.
        let most = u64::from(rows) / 15;
        for step in plan.split("(actual ").skip(1) {
            let (found, times) = (numbers(step, "rows=").next(), numbers(step, "loops=").next());
            assert!(found.zip(times).is_none_or(|(found, times)| found * times < most), "{plan}");
        }
        for removed in ["Removed by Filter: ", "Removed by Join Filter: "] {
            assert!(numbers(plan, removed).all(|removed| removed < most), "{plan}");
        }
    }
}

/// How long one claim and one recorded delivery take.
#[expect(clippy::print_stdout, reason = "it is what the test is run for")]
async fn time(store: &mut Store<Postgres>) {
    const ROUNDS: usize = 300;
    let (mut claims, mut records) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let began = Instant::now();
        record::<Postgres>(&mut store.connection, vec![delivery(&format!("r{round}"), "timed")]).await;
        records.push(began.elapsed());
        let began = Instant::now();
        let claimed = Postgres::claim(&mut store.connection, ClaimRequest::new("Desk", 1, LEASE), Timestamp::now())
            .await
            .unwrap()
            .claims;
        claims.push(began.elapsed());
        for claim in claimed {
            Postgres::settle(&mut store.connection, claim.ticket, Settlement::Complete, Timestamp::now())
                .await
                .unwrap();
        }
    }
    for (what, mut took) in [("claim", claims), ("record", records)] {
        took.sort_unstable();
        println!("{what}: median {:?}, p99 {:?}", took[ROUNDS / 2], took[ROUNDS * 99 / 100]);
    }
}

/// Without statistics and with plans that nobody would choose, no more is claimed than was asked for.
async fn claim_with_bad_advice(store: &mut Store<Postgres>) {
    store.run("DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE 'mojito_%'").await;
    for off in ["enable_hashjoin", "enable_nestloop", "enable_indexscan", "enable_mergejoin"] {
        let url = format!("{}?options=-c%20{off}%3Doff", store.url());
        let mut connection = Postgres::open(&url, Open::Existing).await.unwrap();
        let claims = Postgres::claim(&mut connection, ClaimRequest::new("Desk", 3, LEASE), Timestamp::now())
            .await
            .unwrap()
            .claims;

        assert_eq!(claims.len(), 3, "with {off} = off");
    }
}

// Shows F31.
/// SQLite plans by what indexes there are, not by how much is in the tables.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_reads_no_table_from_end_to_end() {
    let mut store = Store::<Sqlite>::open().await;
    let seen = Arc::<Mutex<Vec<String>>>::default();
    for number in 0..4 {
        record::<Sqlite>(&mut store.connection, vec![delivery(&number.to_string(), "waits")]).await;
    }
    let heard = Arc::clone(&seen);
    store.connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            heard.lock().unwrap().push(query.to_string());
        }
    });

    work_a_while::<Sqlite>(&mut store.connection).await;

    let statements = std::mem::take(&mut *seen.lock().unwrap());
    let mut explained = 0;
    for statement in &statements {
        let sql = statement.split(" -- binds").next().unwrap();
        if !sql.contains("mojito_") || sql.contains("'2001-") || sql.contains("max(`mojito_deliveries`") {
            continue;
        }
        if sql.contains("ORDER BY `mojito_clock_readings`") {
            // All of them are read: there are four a day.
            continue;
        }
        explained += 1;
        for step in explain(&mut store, sql).await {
            // It holds a row for each handler, and recording makes work for all.
            let is_small = step.starts_with("SCAN mojito_handlers");
            assert!(!step.starts_with("SCAN mojito_") || is_small, "{step}: {sql}");
        }
    }
    assert!(explained > 30, "{statements:#?}");
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

async fn explain(store: &mut Store<Sqlite>, sql: &str) -> Vec<String> {
    let query = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps: Vec<Step> = query.load(&mut store.connection).await.unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}
