use diesel::QueryResult;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::transaction::{self, TransactionSettings};
use super::{Connection, connection, ids, migrations, shared};
use crate::engine::copied::{LOCK, first_filled};
use crate::engine::copy::check_migrations;
use crate::engine::db_error::fault;
use crate::engine::sqlite::source::LastId;
use crate::{NewAudit, OpenError, Timestamp};

/// The source may need a while for a step.
const PATIENCE: &str = "SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// A database that is about to receive a copy.
pub struct CopyTarget {
    connection: Connection,
}

impl CopyTarget {
    /// Opens a database by its URL.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached, is not empty, or its tables are not those of this program.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let mut connection = connection::open(url).await?;
        // The launch of a host looks at the rest.
        connection::inspect(&mut connection, true).await?;
        check_migrations(migrations::MIGRATIONS, &migrations::recorded_by_itself(&mut connection).await?)?;
        let filled = connection.transaction(async |c| first_filled(c).await).await;
        refuse_filled(filled)?;
        Ok(Self { connection })
    }

    /// Begins the copy's transaction. Nobody else writes to the tables before its end. Gives back the server's time.
    pub(crate) async fn begin(&mut self) -> Result<Timestamp, OpenError> {
        let unusable = |error| OpenError::new(format!("the tables cannot be locked: {}", fault(&error)));
        transaction::begin(&mut self.connection, TransactionSettings::default()).await.map_err(unusable)?;
        self.connection.batch_execute(PATIENCE).await.map_err(unusable)?;
        self.connection.batch_execute(LOCK).await.map_err(unusable)?;
        refuse_filled(first_filled(&mut self.connection).await)?;
        transaction::now(&self.connection).await.map_err(unusable)
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Moves the sequences behind every id that the source has given out, and enters the copy into the audit.
    pub(crate) async fn finish(&mut self, last_ids: &[LastId], audit: &NewAudit, rows: u64) -> QueryResult<()> {
        let connection = &mut self.connection;
        for last in last_ids.iter().filter(|last| last.seq > 0) {
            diesel::sql_query("SELECT setval(pg_get_serial_sequence($1, 'id'), $2)")
                .bind::<Text, _>(&last.name)
                .bind::<BigInt, _>(last.seq)
                .execute(connection)
                .await?;
        }
        ids::mend(connection).await?;
        let now = transaction::now(connection).await?;
        let audit_id = shared::begin_audit(connection, audit, now).await?;
        shared::finish_audit(connection, audit_id, rows).await
    }

    /// Commits the copy, or rolls it back where `outcome` is an error.
    pub(crate) async fn end(&mut self, outcome: QueryResult<()>) -> QueryResult<()> {
        transaction::end(&mut self.connection, outcome).await
    }
}

fn refuse_filled(filled: QueryResult<Option<&'static str>>) -> Result<(), OpenError> {
    match filled {
        Ok(None) => Ok(()),
        Ok(Some(table)) => Err(OpenError::new(format!(
            "the database is not empty: `{table}` has rows. Copy into a new one, on which `migrate` has run \
             and no host was launched"
        ))),
        Err(error) => Err(OpenError::new(format!("the tables cannot be read: {}", fault(&error)))),
    }
}
