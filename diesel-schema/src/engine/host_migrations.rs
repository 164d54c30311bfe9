use std::error::Error as StdError;
use std::sync::Arc;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource, Result};
use diesel_migrations::MigrationHarness;

use crate::engine::open_error::OpenError;

/// The beginnings of a server's messages that quote names and SQL, and no row. Others may quote a candidate's data.
const WITHOUT_ROWS: [&str; 9] = [
    "syntax error",
    "near \"",
    "relation \"",
    "column \"",
    "table ",
    "no such ",
    "type \"",
    "permission denied",
    "duplicate column name",
];

/// The migrations of a host's own tables, from any source of Diesel's.
pub struct HostMigrations<Db: Backend>(Arc<dyn MigrationSource<Db> + Send + Sync>);

impl<Db: Backend> HostMigrations<Db> {
    /// The migrations of this source, such as `embed_migrations!` makes it.
    pub fn new(source: impl MigrationSource<Db> + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// Runs the pending ones. The caller holds a lock, so that of two processes the second finds nothing left to do.
    pub(crate) fn run(&self, connection: &mut impl MigrationHarness<Db>) -> Result<()> {
        connection.run_pending_migrations(self).map(drop)
    }
}

impl<Db: Backend> Clone for HostMigrations<Db> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Db: Backend> MigrationSource<Db> for &HostMigrations<Db> {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<Db>>>> {
        self.0.migrations()
    }
}

/// Why a host's migrations were not run. Diesel tells the name of one and the database's message, which is left out
/// where it may quote a row.
pub(crate) fn failed(error: &(dyn StdError + Send + Sync + 'static)) -> OpenError {
    let text = error.to_string();
    let (failed, message) = text.split_once(" with: ").unwrap_or(("", &text));
    let quotes_no_row = WITHOUT_ROWS.iter().any(|start| message.starts_with(start));
    let message = if quotes_no_row { message } else { "the database refuses a statement of it" };
    let name = failed.strip_prefix("Failed to run ").unwrap_or("one that is not named");
    OpenError::new(format!("a migration of the host's own tables was not run, and none is kept: `{name}`: {message}"))
}
