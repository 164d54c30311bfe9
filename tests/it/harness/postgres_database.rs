use std::net::SocketAddr;
use std::path::Path;

use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{DeliveryRow, Postgres, ResultRow, WorkRow};
use tempfile::TempDir;

use super::database::Effect;
use super::journal::read_journal;
use super::{JournalEntry, PrivateServer, ScratchDatabase, TestBackend, TestDatabase, drained, until};

/// A Postgres database of one fault test, looked at from outside, past every fault.
pub(crate) struct PostgresDatabase {
    folder: TempDir,
    url: String,
    /// The URL of the same database, past every proxy.
    direct_url: String,
    /// Where the database is on the shared server: dropped with this.
    _storage: Option<ScratchDatabase>,
}

/// The tables of the test. They have no unique constraint, so a duplicate shows.
const TABLES: &str = "
    CREATE TABLE effects (
        id BIGSERIAL, delivery_id BIGINT, result_id TEXT, version BIGINT, handler TEXT, attempt INTEGER, process BIGINT
    );
    CREATE TABLE counters (id BIGINT, count BIGINT)";

impl PostgresDatabase {
    /// A database of its own on the server that all tests share, with the plugin's tables in it.
    pub(crate) async fn shared() -> Self {
        Self::of(ScratchDatabase::migrated().await).await
    }

    /// The same without these.
    pub(crate) async fn empty() -> Self {
        Self::of(ScratchDatabase::new().await).await
    }

    async fn of(storage: ScratchDatabase) -> Self {
        let (folder, url, direct_url) = (tempfile::tempdir().unwrap(), storage.url(), storage.direct_url());
        let database = Self { folder, url, direct_url, _storage: Some(storage) };
        database.run(TABLES).await;
        database
    }

    /// On a server of the test's own.
    pub(crate) async fn on(server: &PrivateServer) -> Self {
        let url = server.url(server.address(), "postgres");
        let folder = tempfile::tempdir().unwrap();
        let database = Self { folder, direct_url: url.clone(), url, _storage: None };
        database.run(TABLES).await;
        database
    }

    /// Where the server is.
    pub(crate) fn server(&self) -> SocketAddr {
        let (_, rest) = self.url.split_once('@').expect("a URL with a user");
        rest.split('/').next().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// The URL of the database at another address that leads there, without TLS.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        let (_, name) = self.url.rsplit_once('/').expect("a URL with a database");
        let name = name.split('?').next().unwrap_or(name);
        format!("postgres://mojito@{address}/{name}?sslmode=disable")
    }

    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.direct_url).await.unwrap()
    }

    /// Runs statements.
    pub(crate) async fn run(&self, statements: &str) {
        self.connect().await.batch_execute(statements).await.unwrap();
    }

    /// Runs statements on the database at a URL.
    pub(crate) async fn run_at(url: &str, statements: &str) -> QueryResult<()> {
        let mut connection = AsyncPgConnection::establish(url).await.map_err(|_| diesel::result::Error::NotFound)?;
        connection.batch_execute(statements).await
    }

    /// Lets the server end a connection of some process. How many there were to choose from: one, or none.
    pub(crate) async fn end_a_connection(&self) -> usize {
        // Those of the test itself have no name.
        let end = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND application_name <> '' ORDER BY random() LIMIT 1) AS one";
        usize::try_from(self.number(end).await).unwrap()
    }

    /// The rows of a query with one column of text, `value`.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let rows: Vec<Row> = diesel::sql_query(query).load(&mut self.connect().await).await.unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    /// A number that a query finds.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.texts(&format!("SELECT ({query})::text AS value")).await[0].parse().unwrap()
    }

    pub(crate) async fn deliveries(&self) -> Vec<DeliveryRow> {
        Postgres::deliveries(&mut self.connect().await).await
    }

    pub(crate) async fn results(&self) -> Vec<ResultRow> {
        Postgres::results(&mut self.connect().await).await
    }

    pub(crate) async fn work(&self) -> Vec<WorkRow> {
        Postgres::work(&mut self.connect().await).await
    }

    /// Every effect, in the order of its writing.
    pub(crate) async fn effects(&self) -> Vec<Effect> {
        let all = "SELECT delivery_id, result_id, version, handler, attempt, process FROM effects ORDER BY id";
        diesel::sql_query(all).load(&mut self.connect().await).await.unwrap()
    }

    /// Every run of a handler, in the order in which they happened.
    pub(crate) fn journal_entries(&self) -> Vec<JournalEntry> {
        read_journal(&self.journal())
    }

    /// Waits until a query finds at least so much.
    pub(crate) async fn wait_until(&self, what: &str, query: &str, at_least: i64) {
        let look = async || match self.number(query).await {
            found if found >= at_least => Ok(()),
            found => Err(format!("{found} of {at_least}")),
        };
        until(what, look).await;
    }

    pub(crate) async fn drained(&self) {
        drained(self).await;
    }

    /// I11: what Postgres finds wrong with the indexes of the plugin's tables.
    pub(crate) async fn broken(&self) -> Vec<String> {
        let mut connection = self.connect().await;
        connection.batch_execute("CREATE EXTENSION IF NOT EXISTS amcheck").await.unwrap();
        let indexes = self
            .texts(
                "SELECT indexname::text AS value FROM pg_indexes WHERE indexname LIKE 'mojito\\_%' ORDER BY indexname",
            )
            .await;
        assert!(!indexes.is_empty(), "there are indexes");
        let mut broken = Vec::new();
        for index in indexes {
            let check = format!("SELECT bt_index_check('{index}', true)");
            if let Err(error) = connection.batch_execute(&check).await {
                broken.push(format!("{index}: {error}"));
            }
        }
        broken
    }
}

impl TestDatabase for PostgresDatabase {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn query(&self, query: &str) -> Vec<String> {
        self.texts(query).await
    }
}
