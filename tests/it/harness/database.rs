use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use mojito_schema::{AuditRow, DeliveryRow, ResultRow, WorkRow, audit, deliveries, results, work};
use tempfile::TempDir;

use super::journal::read_journal;
use super::{Disk, JournalEntry, TestDatabase, in_time};

/// A database file of one test, looked at from outside with a connection of the test's own.
pub(crate) struct Database {
    disk: Option<Disk>,
    folder: TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self { disk: None, folder: tempfile::tempdir().unwrap() }
    }

    /// The same on a disk of its own. Journal and logs of hosts are elsewhere, and stay when the disk fails.
    pub(crate) fn on(disk: Disk) -> Self {
        Self { disk: Some(disk), ..Self::new() }
    }

    /// The disk of its own.
    pub(crate) fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("a database on a disk of its own")
    }

    /// With a table for the effects of handlers. It has no unique constraint, so a duplicate shows.
    pub(crate) fn with_effects() -> Self {
        Self::new().and_effects()
    }

    /// Adds the table for the effects of handlers.
    pub(crate) fn and_effects(self) -> Self {
        self.run(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE effects (
                 id INTEGER PRIMARY KEY, delivery_id INTEGER, result_id TEXT, version INTEGER, handler TEXT, attempt INTEGER,
                 process INTEGER
             );",
        );
        self
    }

    /// Every effect, in the order of its commit.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        let all = diesel::sql_query(
            "SELECT delivery_id, result_id, version, handler, attempt, process FROM effects ORDER BY id",
        );
        all.load(&mut self.connect()).unwrap()
    }

    /// Whether somebody holds the write lock at this moment.
    pub(crate) fn is_locked(&self) -> bool {
        self.connect().batch_execute("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK").is_err()
    }

    /// The operations of operators.
    pub(crate) fn audit(&self) -> Vec<AuditRow> {
        audit::table.order(audit::id).select(AuditRow::as_select()).load(&mut self.connect()).unwrap()
    }

    /// Makes everything due that waits for another attempt.
    pub(crate) fn hurry(&self) {
        self.run("UPDATE mojito_work SET due_at = datetime('now', '-1 minute') WHERE due_at IS NOT NULL");
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.disk {
            Some(disk) => disk.folder().join("test.db"),
            None => self.folder.path().join("test.db"),
        }
    }

    /// How many bytes its pages have. The WAL has more beside them, and is shortened when it has grown long.
    pub(crate) fn size(&self) -> u64 {
        let pages = "SELECT CAST(page_count * page_size AS TEXT) AS value FROM pragma_page_count(), pragma_page_size()";
        self.texts(pages)[0].parse().unwrap()
    }

    pub(crate) fn connect(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.path().to_str().unwrap()).unwrap();
        diesel::sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection).unwrap();
        connection
    }

    /// Every delivery, in stored order.
    pub(crate) fn deliveries(&self) -> Vec<DeliveryRow> {
        let all = deliveries::table.order(deliveries::id).select(DeliveryRow::as_select());
        all.load(&mut self.connect()).unwrap()
    }

    /// The deliveries about one result, in stored order.
    pub(crate) fn deliveries_of(&self, result: &str) -> Vec<DeliveryRow> {
        let all = deliveries::table.filter(deliveries::endpoint.eq("default")).filter(deliveries::result_id.eq(result));
        all.order(deliveries::id).select(DeliveryRow::as_select()).load(&mut self.connect()).unwrap()
    }

    /// The delivery with this id.
    pub(crate) fn delivery(&self, id: i64) -> DeliveryRow {
        deliveries::table.find(id).select(DeliveryRow::as_select()).first(&mut self.connect()).unwrap()
    }

    /// Waits until so many deliveries are stored, whoever was told so.
    pub(crate) async fn wait_for_deliveries(&self, count: usize) {
        in_time(async {
            while self.deliveries().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Every result.
    pub(crate) fn results(&self) -> Vec<ResultRow> {
        let all = results::table.order((results::endpoint, results::id)).select(ResultRow::as_select());
        all.load(&mut self.connect()).unwrap()
    }

    /// Every piece of work.
    pub(crate) fn work(&self) -> Vec<WorkRow> {
        let all = work::table.order((work::delivery_id, work::handler)).select(WorkRow::as_select());
        all.load(&mut self.connect()).unwrap()
    }

    /// Finished work, never replayed, whose history lacks an attempt, or tells of one that was not.
    pub(crate) fn gaps_in_history(&self) -> Vec<String> {
        self.texts(
            "SELECT one.delivery_id || ' ' || one.handler AS value FROM mojito_work AS one LEFT JOIN mojito_attempts AS kept
                 ON kept.delivery_id = one.delivery_id AND kept.handler = one.handler
             WHERE one.finished_at IS NOT NULL GROUP BY one.delivery_id, one.handler
             HAVING count(kept.id) <> CASE WHEN one.state = 'completed' AND one.attempt = 1 THEN 0 ELSE one.attempt END
                 OR count(DISTINCT kept.attempt) <> count(kept.id)
                 OR count(CASE kept.outcome WHEN 'completed' THEN 1 END) <> (one.state = 'completed' AND one.attempt > 1)",
        )
    }

    /// Every run of a handler, in the order in which they happened.
    pub(crate) fn journal_entries(&self) -> Vec<JournalEntry> {
        read_journal(&self.journal())
    }

    /// Takes the write lock: until it is dropped nobody else can write.
    pub(crate) fn lock(&self) -> WriteLock {
        let mut connection = self.connect();
        connection.batch_execute("BEGIN IMMEDIATE").unwrap();
        WriteLock { _connection: connection }
    }

    /// Begins to read: until it is dropped, what is there now stays there for it.
    pub(crate) fn read(&self) -> ReadLock {
        let mut connection = self.connect();
        connection.batch_execute("BEGIN; SELECT count(*) FROM mojito_deliveries").unwrap();
        ReadLock { _connection: connection }
    }

    /// The rows of a query with one column of text.
    pub(crate) fn texts(&self, query: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let rows: Vec<Row> = diesel::sql_query(query).load(&mut self.connect()).unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    /// Runs statements.
    pub(crate) fn run(&self, statements: &str) {
        self.connect().batch_execute(statements).unwrap();
    }
}

impl TestDatabase for Database {
    fn url(&self) -> String {
        self.path().to_str().expect("a path of ours").to_owned()
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn query(&self, query: &str) -> Vec<String> {
        self.texts(query)
    }
}

/// A row that a handler wrote.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(crate) struct Effect {
    #[diesel(sql_type = BigInt)]
    pub(crate) delivery_id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) result_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) version: Option<i64>,
    #[diesel(sql_type = Text)]
    pub(crate) handler: String,
    #[diesel(sql_type = Integer)]
    pub(crate) attempt: i32,
    /// Which process of `fault-host` wrote it.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) process: Option<i64>,
}

/// A transaction of somebody else, who writes. Closing its connection rolls it back.
pub(crate) struct WriteLock {
    _connection: SqliteConnection,
}

/// A transaction of somebody else, who reads. Closing its connection ends it.
pub(crate) struct ReadLock {
    _connection: SqliteConnection,
}
