//! Fresh databases, and what is stored in them.

mod fill;
mod postgres;
mod sqlite;

use std::time::Duration;

use self::fill::Dialect;
use self::postgres::Postgres;
use self::sqlite::Sqlite;
use crate::body::Bodies;
use crate::system::Backend;

/// A fresh database, gone when it is dropped.
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Database {
    pub fn create(backend: Backend) -> anyhow::Result<Self> {
        Ok(match backend {
            Backend::Sqlite => Self::Sqlite(Sqlite::create()?),
            Backend::Postgres => Self::Postgres(Box::new(Postgres::create()?)),
        })
    }

    pub fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Sqlite(sqlite) => sqlite.url(),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    /// CPU time so far of the database's own processes: nothing where it is a part of the application.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        match self {
            Self::Sqlite(_) => Ok(Duration::ZERO),
            Self::Postgres(postgres) => postgres.cpu(),
        }
    }

    /// Stores deliveries without posting them: two versions each of settled results, then some that wait for the
    /// handler `desk`.
    pub fn fill(&mut self, bodies: &Bodies, settled: u64, waiting: u64) -> anyhow::Result<()> {
        self.store(|dialect| dialect.fill(bodies, settled, waiting))
    }

    /// Stores deliveries without posting them: some versions of each result, of which the first has failed and the
    /// others wait behind it for the handler; or all have been handled. How many deliveries.
    pub fn fill_lines(
        &mut self,
        bodies: &Bodies,
        handler: &str,
        results: u64,
        is_blocked: bool,
    ) -> anyhow::Result<u64> {
        self.store(|dialect| dialect.lines(bodies, handler, results, is_blocked))?;
        Ok(results * fill::VERSIONS)
    }

    fn store(&mut self, statements: impl FnOnce(&Dialect) -> String) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.run(&statements(&fill::SQLITE)),
            Self::Postgres(postgres) => {
                postgres.run(&statements(&fill::POSTGRES))?;
                postgres.run(
                    "SELECT setval(pg_get_serial_sequence('mojito_deliveries', 'id'), max(id)) FROM mojito_deliveries",
                )?;
                // As autovacuum does in the time that so many deliveries take to come.
                postgres.run("VACUUM ANALYZE")?;
                postgres.run("CHECKPOINT")
            }
        }
    }

    /// Runs statements.
    pub fn run(&mut self, statements: &str) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.run(statements),
            Self::Postgres(postgres) => postgres.run(statements),
        }
    }

    /// Makes the first deliveries older than anything is kept.
    pub fn age(&mut self, count: u64) -> anyhow::Result<()> {
        let dialect = match self {
            Self::Sqlite(_) => &fill::SQLITE,
            Self::Postgres(_) => &fill::POSTGRES,
        };
        self.run(&dialect.age(count))
    }

    /// The column `number` of the only row that a query gives.
    pub fn number(&mut self, query: &str) -> anyhow::Result<i64> {
        match self {
            Self::Sqlite(sqlite) => sqlite.number(query),
            Self::Postgres(postgres) => postgres.number(query),
        }
    }

    /// The two columns `first` and `second` of each row that a query gives.
    pub fn pairs(&mut self, query: &str) -> anyhow::Result<Vec<(i64, i64)>> {
        match self {
            Self::Sqlite(sqlite) => sqlite.pairs(query),
            Self::Postgres(postgres) => postgres.pairs(query),
        }
    }

    /// Hands on id and body of every delivery in a table.
    pub fn deliveries(
        &mut self,
        table: &str,
        each: impl FnMut(i64, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let query = format!("SELECT id, body FROM {table}");
        match self {
            Self::Sqlite(sqlite) => sqlite.deliveries(&query, each),
            Self::Postgres(postgres) => postgres.deliveries(&query, each),
        }
    }
}
