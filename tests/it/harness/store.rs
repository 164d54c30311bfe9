use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{
    AuditRow, Backend, DeliveryRow, Open, Postgres, ResultRow, Sqlite, WorkRow, audit, deliveries, results, work,
};

use super::{Database, PgDatabase};

/// A backend that a test can look behind.
pub(crate) trait Subject: Backend {
    /// What the database lies in, gone when it is dropped.
    type Place: Send;

    async fn place() -> (Self::Place, String);
    async fn deliveries(connection: &mut Self::Connection) -> Vec<DeliveryRow>;
    async fn deliveries_of(connection: &mut Self::Connection, result: &str) -> Vec<DeliveryRow>;
    async fn newest_delivery(connection: &mut Self::Connection) -> DeliveryRow;
    async fn count_of_deliveries(connection: &mut Self::Connection) -> usize;
    async fn results(connection: &mut Self::Connection) -> Vec<ResultRow>;
    async fn result(connection: &mut Self::Connection, id: &str) -> Option<ResultRow>;
    async fn work(connection: &mut Self::Connection) -> Vec<WorkRow>;
    async fn audit(connection: &mut Self::Connection) -> Vec<AuditRow>;
    async fn execute(connection: &mut Self::Connection, statements: &str);
}

/// The same queries for each, on its own connection.
macro_rules! look {
    () => {
        async fn deliveries(connection: &mut Self::Connection) -> Vec<DeliveryRow> {
            let all = deliveries::table.order(deliveries::id).select(DeliveryRow::as_select());
            all.load(connection).await.unwrap()
        }

        async fn deliveries_of(connection: &mut Self::Connection, result: &str) -> Vec<DeliveryRow> {
            let all = deliveries::table.filter(deliveries::endpoint.eq("default"));
            let all = all.filter(deliveries::result_id.eq(result)).order(deliveries::id);
            all.select(DeliveryRow::as_select()).load(connection).await.unwrap()
        }

        async fn newest_delivery(connection: &mut Self::Connection) -> DeliveryRow {
            let newest = deliveries::table.order(deliveries::id.desc()).select(DeliveryRow::as_select());
            newest.first(connection).await.unwrap()
        }

        async fn count_of_deliveries(connection: &mut Self::Connection) -> usize {
            let count: i64 = deliveries::table.count().get_result(connection).await.unwrap();
            usize::try_from(count).unwrap()
        }

        async fn result(connection: &mut Self::Connection, id: &str) -> Option<ResultRow> {
            let one = results::table.find(("default", id)).select(ResultRow::as_select());
            one.first(connection).await.optional().unwrap()
        }

        async fn results(connection: &mut Self::Connection) -> Vec<ResultRow> {
            let all = results::table.order((results::endpoint, results::id)).select(ResultRow::as_select());
            all.load(connection).await.unwrap()
        }

        async fn work(connection: &mut Self::Connection) -> Vec<WorkRow> {
            let all = work::table.order((work::delivery_id, work::handler)).select(WorkRow::as_select());
            all.load(connection).await.unwrap()
        }

        async fn audit(connection: &mut Self::Connection) -> Vec<AuditRow> {
            audit::table.order(audit::id).select(AuditRow::as_select()).load(connection).await.unwrap()
        }

        async fn execute(connection: &mut Self::Connection, statements: &str) {
            connection.batch_execute(statements).await.unwrap();
        }
    };
}

impl Subject for Sqlite {
    type Place = Database;

    async fn place() -> (Database, String) {
        let database = Database::new();
        let url = database.path().to_str().unwrap().to_owned();
        (database, url)
    }

    look!();
}

impl Subject for Postgres {
    type Place = PgDatabase;

    async fn place() -> (PgDatabase, String) {
        let database = PgDatabase::new().await;
        let url = database.url();
        (database, url)
    }

    look!();
}

/// A store without a host around it, and a second connection to look at it from outside.
pub(crate) struct Store<B: Subject> {
    pub(crate) connection: B::Connection,
    outside: B::Connection,
    url: String,
    _place: B::Place,
}

impl<B: Subject> Store<B> {
    /// With the tables in it.
    pub(crate) async fn open() -> Self {
        let mut store = Self::open_empty().await;
        B::migrate(&mut store.connection).await.unwrap();
        store
    }

    /// Without any table.
    pub(crate) async fn open_empty() -> Self {
        let (place, url) = B::place().await;
        let connection = B::open(&url, Open::Create).await.unwrap();
        let outside = B::open(&url, Open::Existing).await.unwrap();
        Self { connection, outside, url, _place: place }
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

    /// What operators did.
    pub(crate) async fn audit(&mut self) -> Vec<AuditRow> {
        B::audit(&mut self.outside).await
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
