//! Migrations of a Postgres database while others use it.

use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use mojito_schema::{OpenError, Opening, Postgres, internals};
use tokio::task::{JoinHandle, JoinSet};

use crate::harness::{PostgresDatabase, in_time};

/// The tables as the first version made them.
const FIRST: (&str, &str) =
    ("0001_create_tables", include_str!("../../diesel-schema/migrations/postgres/0001_create_tables/up.sql"));

/// The statements that a later version may need, in the order that holds up nobody.
const LATER: (&str, &str) = (
    "0099_of_next_year",
    "ALTER TABLE mojito_work ADD COLUMN is_first BOOLEAN NOT NULL DEFAULT false;
-- step
ALTER TABLE mojito_work ADD COLUMN priority INTEGER
    CONSTRAINT mojito_work_priority_given NOT NULL DEFAULT 0;
-- step
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_first ON mojito_work (handler, delivery_id) WHERE is_first;
-- step
ALTER TABLE mojito_work ADD CONSTRAINT mojito_work_priority CHECK (priority >= 0) NOT VALID;
-- step
ALTER TABLE mojito_work VALIDATE CONSTRAINT mojito_work_priority;
CREATE TABLE mojito_next (id BIGINT);
",
);

/// The writes of the version that still runs, all the time.
const WRITE: &str = "
    WITH stored AS (
        INSERT INTO mojito_deliveries
            (endpoint, event, result_id, first_delivery_id, version, standing, fingerprint, secret_id, received_at)
        VALUES ('default', 'interview_result', 'r', nextval('firsts'), 1, 'current', sha256(''), 'test', now())
        RETURNING id
    )
    INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, max_attempts, due_at)
    SELECT id, 'Desk', id, 3, now() FROM stored";

/// A delivery waits no longer than this for its 200, by default.
const ACK_DEADLINE: Duration = Duration::from_secs(5);

async fn database() -> PostgresDatabase {
    let database = PostgresDatabase::empty().await;
    internals::migrate(&mut database.connect().await, &[FIRST]).await.unwrap();
    database.run("CREATE SEQUENCE firsts").await;
    database
}

/// Somebody who has read these tables and does not end the transaction.
async fn reader(database: &PostgresDatabase, tables: &[&str]) -> AsyncPgConnection {
    let mut reader = database.connect().await;
    reader.batch_execute("BEGIN").await.unwrap();
    for table in tables {
        reader.batch_execute(&format!("SELECT count(*) FROM {table}")).await.unwrap();
    }
    reader
}

async fn migrating(
    database: &PostgresDatabase,
    migrations: &'static [(&str, &str)],
) -> JoinHandle<Result<(), OpenError>> {
    let mut connection = database.connect().await;
    tokio::spawn(async move { internals::migrate(&mut connection, migrations).await })
}

/// Writes as the version that runs does, so many times or until something else has happened. How long the longest took.
async fn write(database: &PostgresDatabase, times: usize, has_happened: impl Fn() -> bool) -> Duration {
    let mut writer = database.connect().await;
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        let began = Instant::now();
        in_time(writer.batch_execute(WRITE)).await.unwrap();
        longest = longest.max(began.elapsed());
        if has_happened() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    longest
}

async fn tables_are_used_meanwhile(tables: &[&str], migrations: &'static [(&str, &str)]) {
    let database = database().await;
    let mut reader = reader(&database, tables).await;
    let migrating = migrating(&database, migrations).await;

    let during = write(&database, 300, || false).await;
    let is_done = migrating.is_finished();
    reader.batch_execute("COMMIT").await.unwrap();
    let after = write(&database, usize::MAX, || migrating.is_finished()).await;

    assert!(!is_done, "the reader is in its way");
    migrating.await.unwrap().unwrap();
    assert!(during.max(after) < ACK_DEADLINE / 2, "a write took {during:?} beside the reader, and {after:?} after it");
}

// Shows M16.
#[tokio::test(flavor = "multi_thread")]
async fn who_records_passes_a_migration_that_waits_for_a_reader() {
    tables_are_used_meanwhile(
        &["mojito_deliveries"],
        &[
            FIRST,
            ("0002_add_message_id", include_str!("../../diesel-schema/migrations/postgres/0002_add_message_id/up.sql")),
        ],
    )
    .await;
}

// Shows M16.
#[tokio::test(flavor = "multi_thread")]
async fn who_records_passes_each_step_of_a_migration() {
    tables_are_used_meanwhile(&["mojito_work", "mojito_deliveries"], &[FIRST, LATER]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_run_the_steps_at_once_run_each_once() {
    let database = database().await;
    let mut processes = JoinSet::new();

    for _ in 0..4 {
        let mut connection = database.connect().await;
        processes.spawn(async move { internals::migrate(&mut connection, &[FIRST, LATER]).await });
    }
    let outcomes = in_time(processes.join_all()).await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let recorded = database.texts("SELECT name AS value FROM mojito_migrations ORDER BY name").await;
    assert_eq!(recorded, [FIRST.0, LATER.0]);
}

// Shows F04.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_cut_off_goes_on_where_it_was() {
    const BROKEN: (&str, &str) =
        ("0099_of_next_year", "CREATE TABLE a (b INTEGER);\n-- step\nINSERT INTO a VALUES (1); SELECT 1 / 0\n");
    const MENDED: (&str, &str) =
        ("0099_of_next_year", "CREATE TABLE a (b INTEGER);\n-- step\nINSERT INTO a VALUES (1)\n");
    let database = database().await;
    let mut connection = database.connect().await;

    let broken = internals::migrate(&mut connection, &[FIRST, BROKEN]).await;
    let rows = database.number("SELECT count(*) FROM a").await;
    let mended = internals::migrate(&mut connection, &[FIRST, MENDED]).await;

    assert!(broken.is_err());
    assert_eq!(rows, 0, "a step is done or it is not");
    mended.unwrap();
    assert_eq!(database.number("SELECT count(*) FROM a").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_whose_building_was_cut_off_is_built_anew() {
    let database = database().await;
    let [before_index, _] = LATER.1.split_once("-- step\nCREATE INDEX").map(<[&str; 2]>::from).unwrap();
    database.run(&before_index.replace("-- step", "")).await;
    database.run("INSERT INTO mojito_migrations (name) VALUES ('0099_of_next_year/1'), ('0099_of_next_year/2')").await;
    // As a connection that is lost over it leaves it.
    database.run("CREATE INDEX mojito_work_first ON mojito_work (handler)").await;
    database.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mojito_work_first'::regclass").await;

    internals::migrate(&mut database.connect().await, &[FIRST, LATER]).await.unwrap();

    let built = database
        .texts(
            "SELECT pg_get_indexdef(indexrelid) AS value FROM pg_index WHERE indisvalid
        AND indexrelid = 'mojito_work_first'::regclass",
        )
        .await;
    assert_eq!(built.len(), 1);
    assert!(built[0].contains("is_first"), "{built:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_make_nothing_finds_that_there_is_nothing_to_do() {
    let database = PostgresDatabase::empty().await;
    Postgres::migrate(&mut database.connect().await).await.unwrap();
    let name = database.texts("SELECT current_database() AS value").await.remove(0);
    database
        .run(&format!("CREATE ROLE {name}_host LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}_host"))
        .await;
    let mut limited = database.connect().await;
    limited.batch_execute(&format!("SET ROLE {name}_host")).await.unwrap();

    let outcome = Postgres::migrate(&mut limited).await;

    outcome.unwrap();
    limited.batch_execute("RESET ROLE").await.unwrap();
    database.run(&format!("DROP OWNED BY {name}_host; DROP ROLE {name}_host")).await;
}
