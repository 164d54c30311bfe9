use std::sync::Arc;

use mojito_schema::{Backend, Open, OpenError, QueryResult, fault, is_unknown};
use rocket::futures::future::BoxFuture;

use super::{Database, Unavailable};

/// A connection that one task owns for as long as it lives, opened again after a failure.
///
/// So neither ingress nor dispatch competes for the host's pool.
pub(crate) struct Link<B: Backend> {
    database: Arc<Database<B>>,
    connection: Option<B::Connection>,
    is_relaxed: bool,
    is_down: bool,
}

impl<B: Backend> Link<B> {
    pub fn new(database: Arc<Database<B>>) -> Self {
        Self { database, connection: None, is_relaxed: false, is_down: false }
    }

    /// One whose commits need not be on disk when they are done: what a power cut takes is done again.
    pub fn relaxed(database: Arc<Database<B>>) -> Self {
        Self { is_relaxed: true, ..Self::new(database) }
    }

    pub fn database(&self) -> &Arc<Database<B>> {
        &self.database
    }

    /// Runs a verb that writes, when its turn has come. `failure` is what the log says where the database refuses.
    ///
    /// # Cancellation
    ///
    /// The connection is closed, and nobody knows what was committed.
    pub async fn write<R, F>(&mut self, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let connection = self.take().await?;
        let _turn = self.database.write_turn().await;
        self.run(connection, failure, verb).await
    }

    /// Runs a verb that only reads.
    ///
    /// # Cancellation
    ///
    /// The connection is closed.
    pub async fn read<R, F>(&mut self, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let connection = self.take().await?;
        self.run(connection, failure, verb).await
    }

    /// The connection, opened if need be. A database that has vanished is an error: it is never created here.
    async fn take(&mut self) -> Result<B::Connection, Unavailable> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        match Self::open(&self.database, self.is_relaxed).await {
            Ok(connection) => {
                self.is_down = false;
                Ok(connection)
            }
            Err(error) => {
                // Said once: whoever asks is asked again every second.
                if !std::mem::replace(&mut self.is_down, true) {
                    tracing::error!(%error, "the database cannot be reached");
                }
                Err(Unavailable::Database)
            }
        }
    }

    async fn open(database: &Database<B>, is_relaxed: bool) -> Result<B::Connection, OpenError> {
        let mut connection = B::open(database.url(), Open::Existing).await?;
        if is_relaxed {
            B::relax(&mut connection).await?;
        }
        Ok(connection)
    }

    /// Only after a success the connection is kept: after an error, a panic or a dropped future nobody knows what
    /// state it is in.
    async fn run<R, F>(
        &mut self,
        mut connection: B::Connection,
        failure: &'static str,
        verb: F,
    ) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        match verb(&mut connection).await {
            Ok(outcome) => {
                self.connection = Some(connection);
                Ok(outcome)
            }
            Err(error) => {
                tracing::error!(fault = fault(&error), "{failure}");
                Err(if is_unknown(&error) { Unavailable::Unknown } else { Unavailable::Database })
            }
        }
    }
}
