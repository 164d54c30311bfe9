use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mojito_schema::{Backend, Open, QueryResult, Trouble, fault, is_unknown, trouble};

use super::{Database, Unavailable};

/// A connection that one task owns for as long as it lives, opened again after a failure.
///
/// So neither ingress nor dispatch competes for the host's pool.
pub(crate) struct DedicatedConnection<B: Backend> {
    database: Arc<Database<B>>,
    connection: Option<B::Connection>,
    /// When its last verb ended.
    rests_since: Instant,
}

/// The outcome of a commit that may not be on the disk yet.
#[must_use = "a power cut may undo it"]
pub(crate) struct Committed<B: Backend, R> {
    outcome: R,
    database: Arc<Database<B>>,
}

impl<B: Backend, R> Committed<B, R> {
    /// The outcome, for a look at it before it is durable.
    pub fn seen(&self) -> &R {
        &self.outcome
    }

    /// The outcome, for a caller that only does its work again if the commit is lost.
    pub fn outcome(self) -> R {
        self.outcome
    }

    /// The outcome, once the commit is on the disk. Other connections write meanwhile. `failure` is the message in the
    /// log if the fsync fails.
    pub async fn durable(self, failure: &'static str) -> Result<R, Unavailable> {
        self.database.sync_wal(failure).await?;
        Ok(self.outcome)
    }
}

impl<B: Backend> DedicatedConnection<B> {
    pub fn new(database: Arc<Database<B>>) -> Self {
        Self { database, connection: None, rests_since: Instant::now() }
    }

    pub fn database(&self) -> &Arc<Database<B>> {
        &self.database
    }

    /// Runs a verb that writes, when its turn has come. Its commit is durable. `failure` is the message in the log if
    /// the database refuses.
    ///
    /// # Cancellation
    ///
    /// Whether the verb was committed is unknown.
    pub async fn write<R, F>(&mut self, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.commit(failure, verb).await?.durable(failure).await
    }

    /// The same without the wait for the fsync: the connection's next user may write meanwhile.
    ///
    /// # Cancellation
    ///
    /// The connection is closed, and whether the verb was committed is unknown.
    pub async fn commit<R, F>(&mut self, failure: &'static str, verb: F) -> Result<Committed<B, R>, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let mut connection = self.take().await?;
        let _turn = self.database.write_turn().await;
        if let Some(trouble) = self.database.health().trouble() {
            connection = self.proven(connection, trouble).await?;
        }
        let outcome = self.run(connection, failure, verb).await?;
        Ok(self.committed(outcome))
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

    /// Opens the connection, unless there is one.
    pub async fn open(&mut self) -> Result<(), Unavailable> {
        let connection = self.take().await?;
        self.keep(connection);
        Ok(())
    }

    /// Closes the connection, which rolls back its open transaction. The next verb opens another connection.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// The connection, if it lives: a server or a proxy may have closed it while it rested. Else a new connection.
    async fn take(&mut self) -> Result<B::Connection, Unavailable> {
        if let Some(mut connection) = self.connection.take() {
            self.database.check().await?;
            if B::lives(&mut connection, self.rests_since.elapsed()).await {
                return Ok(connection);
            }
        }
        self.database.open(Open::ForVerbs).await
    }

    fn keep(&mut self, connection: B::Connection) {
        self.connection = Some(connection);
        self.rests_since = Instant::now();
    }

    /// After trouble, the database first has to show that it takes a commit.
    async fn proven(&mut self, connection: B::Connection, trouble: Trouble) -> Result<B::Connection, Unavailable> {
        if trouble == Trouble::Disk {
            self.database.persist_wal().await?;
        }
        const FAILURE: &str = "the database is in trouble";
        self.run(connection, FAILURE, |c| B::prove(c).boxed()).await?;
        self.committed(()).durable(FAILURE).await?;
        self.database.health().recover();
        self.take().await
    }

    /// Wraps the outcome of a verb that has just succeeded.
    fn committed<R>(&self, outcome: R) -> Committed<B, R> {
        Committed { outcome, database: Arc::clone(&self.database) }
    }

    /// Keeps the connection only after a success: after an error, a panic or a dropped future its state is unknown.
    async fn run<R, F>(
        &mut self,
        mut connection: B::Connection,
        failure: &'static str,
        verb: F,
    ) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let outcome = verb(&mut connection).await;
        // A connection that the server closed before a commit was sent has changed nothing.
        let is_lost = outcome.is_err() && !B::lives(&mut connection, Duration::ZERO).await;
        // A commit to a file that is not in its place any more succeeds, but counts as a failure.
        self.database.check().await?;
        match outcome {
            Ok(outcome) => {
                self.keep(connection);
                Ok(outcome)
            }
            Err(error) => {
                self.database.health().note_trouble(trouble(&error));
                self.database.health().report(failure, fault(&error));
                Err(match error {
                    error if is_unknown(&error) => Unavailable::Unknown,
                    _ if is_lost => Unavailable::Connection,
                    _ => Unavailable::Database,
                })
            }
        }
    }
}
