use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use tokio::task::spawn_blocking;

use super::connection::{check_url, establish, existing, unless_locked};
use super::migrations;
use crate::engine::copied::{Rows, count_all};
use crate::engine::copy::{check_migrations, not_read};
use crate::{Open, OpenError};

/// Keeps every other process away from the file until the connection is closed. Any process that has the file open, even
/// at rest, is in the way: in WAL mode each connection holds a shared lock. The WAL of a process that died is read.
const ALONE: &str = "
    PRAGMA busy_timeout = 1000;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    BEGIN EXCLUSIVE;
";

/// The counters from which new ids come. They know ids whose rows are pruned.
const LAST_IDS: &str = "SELECT name, seq FROM sqlite_sequence WHERE name IN ('mojito_deliveries', 'mojito_audit')";

/// A SQLite file that is about to be copied. No other process can open it, until this is dropped.
pub struct CopySource {
    connection: SqliteConnection,
    tables: Vec<(&'static str, u64)>,
    last_ids: Vec<LastId>,
}

/// The highest id that a table has ever had.
#[derive(Clone, QueryableByName)]
pub(crate) struct LastId {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
}

impl CopySource {
    /// Opens a file by its path, and counts its rows.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, a process has it open, or its tables are not those of this program.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        check_url(url)?;
        let url = existing(url);
        let opened = spawn_blocking(move || Self::open_now(&url)).await;
        opened.map_err(|error| OpenError::because("the SQLite file was not opened", error))?
    }

    fn open_now(url: &str) -> Result<Self, OpenError> {
        let mut connection = establish(url, Open::Existing)?;
        connection
            .batch_execute(ALONE)
            .map_err(|error| unless_locked("the SQLite file cannot be used: is it a database, and writable?", error))?;
        let unreadable = |error| OpenError::new(not_read(&error));
        let recorded = migrations::recorded_by_itself(&mut connection).map_err(unreadable)?;
        check_migrations(migrations::MIGRATIONS, &recorded)?;
        let tables = count_all(&mut connection).map_err(unreadable)?;
        let last_ids = diesel::sql_query(LAST_IDS).load(&mut connection).map_err(unreadable)?;
        Ok(Self { connection, tables, last_ids })
    }

    /// Every table, in the order of copying, with the number of its rows.
    pub fn tables(&self) -> &[(&'static str, u64)] {
        &self.tables
    }

    pub(crate) fn last_ids(&self) -> &[LastId] {
        &self.last_ids
    }

    /// Reads every row, step by step, until `step` answers `false`. Then the file is closed.
    pub(crate) fn read(mut self, step: impl FnMut(Rows) -> bool) -> QueryResult<()> {
        Rows::read_all(&mut self.connection, step)
    }
}
