use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{
    AuditRow, Backend, DeliveryRow, HandlerSpec, NewDelivery, Open, Postgres, QueryResult, Recorded, ResultRow, Sqlite,
    Timestamp, WorkRow, audit, deliveries, results, work,
};

use super::wait::drained_by;
use super::{Database, Program, ScratchDatabase, until};

/// A backend that a test can look behind.
pub(crate) trait TestBackend: Backend {
    /// The file or the server's database behind it, gone when it is dropped.
    type Storage: Send;

    /// The example on this backend, as the README says to run it, with its command line.
    const EXAMPLE: Program;
    /// The arguments with which a reader of the documents runs the example.
    const RUN_EXAMPLE: &str;

    async fn create() -> (Self::Storage, String);
    /// The same, with the plugin's tables in it where these are cheaper to copy than to make.
    async fn create_migrated() -> (Self::Storage, String) {
        Self::create().await
    }
    async fn deliveries(connection: &mut Self::Connection) -> Vec<DeliveryRow>;
    async fn deliveries_of(connection: &mut Self::Connection, result: &str) -> Vec<DeliveryRow>;
    async fn newest_delivery(connection: &mut Self::Connection) -> DeliveryRow;
    async fn count_of_deliveries(connection: &mut Self::Connection) -> usize;
    async fn results(connection: &mut Self::Connection) -> Vec<ResultRow>;
    async fn result(connection: &mut Self::Connection, id: &str) -> Option<ResultRow>;
    async fn work(connection: &mut Self::Connection) -> Vec<WorkRow>;
    async fn audit(connection: &mut Self::Connection) -> Vec<AuditRow>;
    /// The rows of a query with one column of text, `value`.
    async fn texts(connection: &mut Self::Connection, query: &str) -> Vec<String>;
    async fn execute(connection: &mut Self::Connection, statements: &str);
    /// Whether a check of the database refuses a statement. Its effect is undone.
    async fn is_refused(connection: &mut Self::Connection, statement: &str) -> bool;

    /// The faults that the database finds in its own files, for those that a process writes itself.
    async fn faults(connection: &mut Self::Connection) -> Vec<String>;
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

/// The same queries for each, on its own connection, each in a transaction: there may be a proxy in between.
macro_rules! look {
    () => {
        async fn deliveries(connection: &mut Self::Connection) -> Vec<DeliveryRow> {
            let all = deliveries::table.order(deliveries::id).select(DeliveryRow::as_select());
            connection.transaction(async |c| all.load(c).await).await.unwrap()
        }

        async fn deliveries_of(connection: &mut Self::Connection, result: &str) -> Vec<DeliveryRow> {
            let all = deliveries::table.filter(deliveries::endpoint.eq("default"));
            let all = all.filter(deliveries::result_id.eq(result)).order(deliveries::id);
            let all = all.select(DeliveryRow::as_select());
            connection.transaction(async |c| all.load(c).await).await.unwrap()
        }

        async fn newest_delivery(connection: &mut Self::Connection) -> DeliveryRow {
            let newest = deliveries::table.order(deliveries::id.desc()).select(DeliveryRow::as_select());
            connection.transaction(async |c| newest.first(c).await).await.unwrap()
        }

        async fn count_of_deliveries(connection: &mut Self::Connection) -> usize {
            let count = deliveries::table.count();
            let count: i64 = connection.transaction(async |c| count.get_result(c).await).await.unwrap();
            usize::try_from(count).unwrap()
        }

        async fn result(connection: &mut Self::Connection, id: &str) -> Option<ResultRow> {
            let one = results::table.find(("default", id)).select(ResultRow::as_select());
            connection.transaction(async |c| one.first(c).await.optional()).await.unwrap()
        }

        async fn results(connection: &mut Self::Connection) -> Vec<ResultRow> {
            let all = results::table.order((results::endpoint, results::id)).select(ResultRow::as_select());
            connection.transaction(async |c| all.load(c).await).await.unwrap()
        }

        async fn work(connection: &mut Self::Connection) -> Vec<WorkRow> {
            let all = work::table.order((work::delivery_id, work::handler)).select(WorkRow::as_select());
            connection.transaction(async |c| all.load(c).await).await.unwrap()
        }

        async fn audit(connection: &mut Self::Connection) -> Vec<AuditRow> {
            let all = audit::table.order(audit::id).select(AuditRow::as_select());
            connection.transaction(async |c| all.load(c).await).await.unwrap()
        }

        async fn texts(connection: &mut Self::Connection, query: &str) -> Vec<String> {
            let query = diesel::sql_query(query);
            let rows: Vec<Row> = connection.transaction(async |c| query.load(c).await).await.unwrap();
            rows.into_iter().map(|row| row.value).collect()
        }

        async fn execute(connection: &mut Self::Connection, statements: &str) {
            connection.batch_execute(statements).await.unwrap();
        }

        async fn is_refused(connection: &mut Self::Connection, statement: &str) -> bool {
            let undone = connection.transaction(async |c| {
                c.batch_execute(statement).await?;
                Err::<(), _>(Error::RollbackTransaction)
            });
            match undone.await {
                Err(Error::RollbackTransaction) => false,
                Err(Error::DatabaseError(DatabaseErrorKind::CheckViolation, _)) => true,
                outcome => panic!("{statement}: {outcome:?}"),
            }
        }
    };
}

impl TestBackend for Sqlite {
    type Storage = Database;

    const EXAMPLE: Program = Program::EXAMPLE_ON_SQLITE;
    const RUN_EXAMPLE: &str = "-p example-app";

    async fn faults(connection: &mut Self::Connection) -> Vec<String> {
        let faults = "SELECT integrity_check AS value FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        Self::texts(connection, faults).await
    }

    async fn create() -> (Database, String) {
        let database = Database::new();
        let url = database.path().to_str().unwrap().to_owned();
        (database, url)
    }

    look!();
}

impl TestBackend for Postgres {
    type Storage = ScratchDatabase;

    const EXAMPLE: Program = Program::EXAMPLE_ON_POSTGRES;
    const RUN_EXAMPLE: &str = "-p example-app --no-default-features --features postgres";

    async fn faults(_: &mut Self::Connection) -> Vec<String> {
        Vec::new()
    }

    async fn create() -> (ScratchDatabase, String) {
        let database = ScratchDatabase::new().await;
        let url = database.url();
        (database, url)
    }

    async fn create_migrated() -> (ScratchDatabase, String) {
        let database = ScratchDatabase::migrated().await;
        let url = database.url();
        (database, url)
    }

    look!();
}

/// Attaches handlers, as a launch does.
pub(crate) async fn attach_all<B: Backend>(connection: &mut B::Connection, handlers: &Arc<Vec<HandlerSpec>>) {
    while !B::attach(connection, Arc::clone(handlers), Timestamp::now()).await.unwrap() {}
}

/// Attaches these handlers, and records a batch as the recorder does. Deliveries that are set aside are tried again,
/// and those that fail together are recorded one by one.
pub(crate) async fn record_all<B: Backend>(
    connection: &mut B::Connection,
    batch: Vec<NewDelivery>,
    handlers: Arc<Vec<HandlerSpec>>,
) -> QueryResult<Vec<Recorded>> {
    attach_all::<B>(connection, &handlers).await;
    let mut recorded: Vec<Option<Recorded>> = vec![None; batch.len()];
    while recorded.contains(&None) {
        let open: Vec<usize> = (0..batch.len()).filter(|&n| recorded[n].is_none()).collect();
        let again = Arc::new(open.iter().map(|&n| batch[n].clone()).collect());
        match B::record(connection, again, Timestamp::now()).await {
            Ok(outcomes) => {
                for (n, outcome) in open.into_iter().zip(outcomes) {
                    recorded[n] = outcome;
                }
            }
            Err(error) if open.len() == 1 => return Err(error),
            Err(_) => {
                for n in open {
                    let one = Arc::new(vec![batch[n].clone()]);
                    recorded[n] = B::record(connection, one, Timestamp::now()).await?[0];
                }
            }
        }
    }
    Ok(recorded.into_iter().flatten().collect())
}

/// A store without a host around it, and a second connection to look at it from outside.
pub(crate) struct Store<B: TestBackend> {
    pub(crate) connection: B::Connection,
    outside: B::Connection,
    url: String,
    _storage: B::Storage,
}

impl<B: TestBackend> Store<B> {
    /// With the tables in it.
    pub(crate) async fn open() -> Self {
        let mut store = Self::on(B::create_migrated().await).await;
        B::migrate(&mut store.connection).await.unwrap();
        store
    }

    /// Without any table.
    pub(crate) async fn open_empty() -> Self {
        Self::on(B::create().await).await
    }

    async fn on((storage, url): (B::Storage, String)) -> Self {
        let connection = B::open(&url, Open::Create).await.unwrap();
        let outside = B::open(&url, Open::Existing).await.unwrap();
        Self { connection, outside, url, _storage: storage }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// One more connection to the same database, as another process would have it.
    pub(crate) async fn another(&self) -> B::Connection {
        B::open(&self.url, Open::Existing).await.unwrap()
    }

    /// Every delivery, in stored order.
    pub(crate) async fn deliveries(&mut self) -> Vec<DeliveryRow> {
        B::deliveries(&mut self.outside).await
    }

    /// The deliveries about one result of the default endpoint, in stored order.
    pub(crate) async fn deliveries_of(&mut self, result: &str) -> Vec<DeliveryRow> {
        B::deliveries_of(&mut self.outside, result).await
    }

    /// The delivery that was stored last.
    pub(crate) async fn newest_delivery(&mut self) -> DeliveryRow {
        B::newest_delivery(&mut self.outside).await
    }

    /// How many deliveries are stored.
    pub(crate) async fn count_of_deliveries(&mut self) -> usize {
        B::count_of_deliveries(&mut self.outside).await
    }

    /// Every result.
    pub(crate) async fn results(&mut self) -> Vec<ResultRow> {
        B::results(&mut self.outside).await
    }

    /// One result of the default endpoint.
    pub(crate) async fn result(&mut self, id: &str) -> Option<ResultRow> {
        B::result(&mut self.outside, id).await
    }

    /// Every piece of work.
    pub(crate) async fn work(&mut self) -> Vec<WorkRow> {
        B::work(&mut self.outside).await
    }

    /// The operations of operators.
    pub(crate) async fn audit(&mut self) -> Vec<AuditRow> {
        <B as TestBackend>::audit(&mut self.outside).await
    }

    /// The rows of a query with one column of text, `value`.
    pub(crate) async fn texts(&mut self, query: &str) -> Vec<String> {
        B::texts(&mut self.outside, query).await
    }

    /// The faults that the database finds in its own files.
    pub(crate) async fn faults(&mut self) -> Vec<String> {
        B::faults(&mut self.outside).await
    }

    /// Waits until there is work, and all of it satisfies a condition together.
    pub(crate) async fn wait_for_work(&mut self, what: &str, holds: impl Fn(&[WorkRow]) -> bool) -> Vec<WorkRow> {
        let look = async || match self.work().await {
            work if !work.is_empty() && holds(&work) => Ok(work),
            work => Err(work),
        };
        until(what, look).await
    }

    /// Waits until a query with one column of text finds just this.
    pub(crate) async fn wait_for_text(&mut self, query: &str, text: &str) {
        let look = async || match self.texts(query).await {
            texts if texts == [text] => Ok(()),
            texts => Err(texts),
        };
        until(&format!("`{text}` is found by {query}"), look).await;
    }

    /// Waits until no work is left to do, and some was done.
    pub(crate) async fn drained(&mut self) {
        self.wait_for_work("there is work", |_| true).await;
        drained_by(async |query| self.texts(&query).await).await;
    }

    /// Runs statements.
    pub(crate) async fn run(&mut self, statements: &str) {
        B::execute(&mut self.outside, statements).await;
    }

    /// Makes every lease lapse, as if a minute had gone by without a renewal.
    pub(crate) async fn lapse(&mut self) {
        self.run("UPDATE mojito_work SET lease_until = '2001-01-01 00:00:00' WHERE lease_until IS NOT NULL").await;
    }
}

/// A test for each of these functions and each backend.
macro_rules! on_each_backend {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            crate::harness::on_each_backend!(@on Sqlite: $($name),+);
        }

        mod postgres {
            crate::harness::on_each_backend!(@on Postgres: $($name),+);
        }
    };
    (@on $backend:ident: $($name:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            super::$name::<mojito_schema::$backend>().await;
        })+
    };
}

pub(crate) use on_each_backend;
