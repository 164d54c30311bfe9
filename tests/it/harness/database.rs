use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use mojito_schema::{DeliveryRow, ResultRow, WorkRow, deliveries, results, work};
use tempfile::TempDir;

/// A database file of one test, looked at from outside with a connection of the test's own.
pub(crate) struct Database {
    folder: TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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

    /// Runs statements.
    pub(crate) fn execute(&self, statements: &str) {
        diesel::connection::SimpleConnection::batch_execute(&mut self.connect(), statements).unwrap();
    }
}
