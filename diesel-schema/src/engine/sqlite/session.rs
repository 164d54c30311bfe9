use std::ops::{Deref, DerefMut};

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation,
    LoadConnection, SimpleConnection, WithMetadataLookup,
};
use diesel::expression::QueryMetadata;
use diesel::query_builder::{Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::TypeMetadata;
use diesel::sqlite::{Sqlite, SqliteConnection, SqliteQueryBuilder};
use diesel::{ConnectionResult, QueryResult};

use super::statement;

/// The message for a handler that ends the transaction.
const NOT_YOURS: &str = "a handler's transaction is committed when the handler answers Ok, and rolled back otherwise: \
    `BEGIN`, `COMMIT`, `END` and `ROLLBACK` are refused in it";

/// The message for a handler that goes on after SQLite has ended the transaction.
const ROLLED_BACK: &str = "SQLite has rolled back the handler's transaction over an error: what follows it is refused";

/// A SQLite connection. While a handler has it, nobody but ourselves ends its transaction.
///
/// After the end of a transaction, by any cause, SQLite goes on in autocommit: each statement would be an effect
/// without a "done" mark. The session derefs to Diesel's connection, for the methods that only Diesel's has.
pub struct Session {
    connection: SqliteConnection,
    /// Whether a handler has the session.
    is_lent: bool,
    /// Whether a statement has failed since the last look whether the transaction is still open.
    has_failed: bool,
    /// Whether the handler's transaction ended before its time.
    has_ended: bool,
    /// Whether a handler has left changes that no transaction undoes.
    is_altered: bool,
}

impl Session {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection, is_lent: false, has_failed: false, has_ended: false, is_altered: false }
    }

    /// Lends the session to a handler, whose transaction is open.
    pub(super) fn lend(&mut self) {
        (self.is_lent, self.has_failed) = (true, false);
    }

    /// Takes the session back. Gives back whether the transaction is still open.
    pub(super) fn take_back(&mut self) -> bool {
        self.is_lent = false;
        self.is_open()
    }

    /// Whether a handler has left changes that no transaction undoes.
    pub(super) fn is_altered(&self) -> bool {
        self.is_altered
    }

    /// Whether the handler's transaction is open. SQLite ends a transaction only over an error.
    fn is_open(&mut self) -> bool {
        // SQLite tells of an open transaction only by refusing to begin another.
        if std::mem::take(&mut self.has_failed) && self.connection.batch_execute("BEGIN").is_ok() {
            self.has_ended = true;
            // The probing transaction did nothing.
            let _ = self.connection.batch_execute("ROLLBACK");
        }
        !self.has_ended
    }

    /// Checks a statement that a handler is about to run.
    fn admit(&mut self, sql: impl FnOnce() -> QueryResult<String>) -> QueryResult<()> {
        if !self.is_lent {
            return Ok(());
        }
        if !self.is_open() {
            return Err(refusal(ROLLED_BACK));
        }
        let sql = sql()?;
        if statement::ends_transaction(&sql) {
            return Err(refusal(NOT_YOURS));
        }
        self.is_altered |= statement::alters_session(&sql);
        Ok(())
    }
}

fn refusal(text: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
}

fn sql_of(source: &impl QueryFragment<Sqlite>) -> QueryResult<String> {
    let mut builder = SqliteQueryBuilder::new();
    source.to_sql(&mut builder, &Sqlite)?;
    Ok(builder.finish())
}

impl SimpleConnection for Session {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.admit(|| Ok(query.to_owned()))?;
        let outcome = self.connection.batch_execute(query);
        self.has_failed |= outcome.is_err();
        outcome
    }
}

impl ConnectionSealed for Session {}

impl Connection for Session {
    type Backend = Sqlite;
    type TransactionManager = AnsiTransactionManager;

    fn establish(database_url: &str) -> ConnectionResult<Self> {
        SqliteConnection::establish(database_url).map(Self::new)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Sqlite> + QueryId,
    {
        self.admit(|| sql_of(source))?;
        let outcome = self.connection.execute_returning_count(source);
        self.has_failed |= outcome.is_err();
        outcome
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        self.connection.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.connection.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.is_altered |= self.is_lent;
        self.connection.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.is_altered |= self.is_lent;
        self.connection.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection<DefaultLoadingMode> for Session {
    type Cursor<'conn, 'query> = Rows<'conn, <SqliteConnection as LoadConnection>::Cursor<'conn, 'query>>;
    type Row<'conn, 'query> = <SqliteConnection as LoadConnection>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Sqlite> + QueryId + 'query,
        Sqlite: QueryMetadata<T::SqlType>,
    {
        self.admit(|| sql_of(&source))?;
        match LoadConnection::load(&mut self.connection, source) {
            Ok(rows) => Ok(Rows { rows, has_failed: &mut self.has_failed }),
            Err(error) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }
}

impl WithMetadataLookup for Session {
    fn metadata_lookup(&mut self) -> &mut <Sqlite as TypeMetadata>::MetadataLookup {
        self.connection.metadata_lookup()
    }
}

impl Deref for Session {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        // The session does not see the use of Diesel's connection.
        self.is_altered |= self.is_lent;
        &mut self.connection
    }
}

/// The rows of a statement. The statement may fail at any row.
pub struct Rows<'conn, I> {
    rows: I,
    has_failed: &'conn mut bool,
}

impl<R, I: Iterator<Item = QueryResult<R>>> Iterator for Rows<'_, I> {
    type Item = QueryResult<R>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next();
        *self.has_failed |= matches!(row, Some(Err(_)));
        row
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}
