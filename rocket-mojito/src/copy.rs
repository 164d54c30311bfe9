use mojito_schema::{Action, CopyError, CopySource, CopyTarget, NewAudit};

use crate::{Actor, Error};

/// A copy of an inbox from a SQLite file into a Postgres database: every row of every table, with its id.
///
/// Hosts on the file are stopped before: their senders read no answer, or 503, and try again. After the copy, hosts on
/// Postgres go on where those on the file ended. They handle the unfinished work, keep the order of each line, and
/// absorb repeats of deliveries that the file has. An attempt that was cut off with its process counts, as after any
/// lapsed lease. The host's own tables are not copied.
///
/// ```no_run
/// # // It would open two databases.
/// # async fn example() -> Result<(), rocket_mojito::Error> {
/// use rocket_mojito::{Actor, InboxCopy};
///
/// let copy = InboxCopy::open("hiring.db", "postgres://hiring@localhost/hiring").await?;
/// for table in copy.tables() {
///     println!("{}: {} rows", table.name, table.rows);
/// }
/// copy.run(Actor::new("anna@ops"), |_| ()).await?;
/// # Ok(())
/// # }
/// ```
pub struct InboxCopy {
    source: CopySource,
    target: CopyTarget,
}

/// A table that is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// The number of its rows.
    pub rows: u64,
}

impl InboxCopy {
    /// Opens the file at the path `from`, and the database at the URL `to`, and changes neither. No other process can
    /// open the file, until this value is dropped.
    ///
    /// # Errors
    ///
    /// When `from` cannot be read, or a living process has it open. When `to` cannot be reached, or is not empty. And
    /// when the tables of one are not those of this version.
    pub async fn open(from: &str, to: &str) -> Result<Self, Error> {
        let source = CopySource::open(from).await.map_err(|error| Error::database("from", error))?;
        let target = CopyTarget::open(to).await.map_err(|error| Error::database("to", error))?;
        Ok(Self { source, target })
    }

    /// Every table, with the number of its rows.
    pub fn tables(&self) -> Vec<CopiedTable> {
        self.source.tables().iter().map(|&(name, rows)| CopiedTable { name, rows }).collect()
    }

    /// Copies the rows in one transaction of the target, and enters that into its audit as [`Action::Import`]. `progress`
    /// is told the number of rows so far. Gives back the number of copied rows.
    ///
    /// # Errors
    ///
    /// When a database fails meanwhile, or the numbers of rows differ. Nothing is copied then, and the copy can be begun
    /// again. Only where the connection is lost at the very end the outcome is unknown, and the error says so.
    ///
    /// # Cancellation
    ///
    /// Nothing is copied.
    pub async fn run(self, actor: Actor, progress: impl FnMut(u64) + Send) -> Result<u64, Error> {
        let rows = self.tables().iter().map(|table| table.rows).sum();
        let audit = NewAudit {
            actor: actor.name,
            action: Action::Import,
            target: serde_json::json!({ "from": "sqlite" }).to_string(),
            reason: actor.reason,
        };
        match mojito_schema::copy(self.source, self.target, audit, progress).await {
            Ok(()) => Ok(rows),
            Err(CopyError::From(error)) => Err(Error::database("from", error)),
            Err(CopyError::To(error)) => Err(Error::database("to", error)),
        }
    }
}
