use std::sync::Arc;
use std::time::{Duration, Instant};

use mojito_schema::{Backend, Open, QueryResult, Trouble, fault, is_unknown, trouble};
use rocket::futures::FutureExt;
use rocket::futures::future::BoxFuture;

use super::{Database, Unavailable};

/// A connection that one task owns for as long as it lives, opened again after a failure.
///
/// So neither ingress nor dispatch competes for the host's pool.
pub(crate) struct DedicatedConnection<B: Backend> {
    database: Arc<Database<B>>,
    open: Open,
    connection: Option<B::Connection>,
    /// Since when it rests.
    rests_since: Instant,
}

/// What was committed, and may not be on the disk yet.
#[must_use = "a power cut may undo it"]
pub(crate) struct Committed<B: Backend, R> {
    outcome: R,
    database: Arc<Database<B>>,
    /// Whether the commit has left the wait for the disk to others.
    is_unsynced: bool,
}

impl<B: Backend, R> Committed<B, R> {
    /// What was committed, as far as one may look at it.
    pub fn seen(&self) -> &R {
        &self.outcome
    }

    /// What was committed, for what is only done again where it is lost.
    pub fn outcome(self) -> R {
        self.outcome
    }

    /// What was committed, once it is on the disk. Others write meanwhile. `failure` is what the log says where it
    /// cannot be.
    pub async fn durable(self, failure: &'static str) -> Result<R, Unavailable> {
        if self.is_unsynced {
            self.database.sync_wal(failure).await?;
        }
        Ok(self.outcome)
    }
}

impl<B: Backend> DedicatedConnection<B> {
    pub fn new(database: Arc<Database<B>>) -> Self {
        Self { database, open: Open::ForVerbs, connection: None, rests_since: Instant::now() }
    }

    /// One whose commits wait for the disk themselves: in one step less, and nobody else writes meanwhile.
    pub fn synced(database: Arc<Database<B>>) -> Self {
        Self { database, open: Open::ForDurableVerbs, connection: None, rests_since: Instant::now() }
    }

    pub fn database(&self) -> &Arc<Database<B>> {
        &self.database
    }

    /// Runs a verb that writes, when its turn has come. What it wrote is durable. `failure` is what the log says where
    /// the database refuses.
    ///
    /// # Cancellation
    ///
    /// Nobody knows what was committed.
    pub async fn write<R, F>(&mut self, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.commit(failure, verb).await?.durable(failure).await
    }

    /// The same without the wait for the disk: who has the link next may write meanwhile.
    ///
    /// # Cancellation
    ///
    /// The connection is closed, and nobody knows what was committed.
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

    /// Closes the connection, which rolls back whatever is open on it. The next verb opens another.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// The connection, if it lives: a server or a proxy may have closed it while it rested. Else another one.
    async fn take(&mut self) -> Result<B::Connection, Unavailable> {
        if let Some(mut connection) = self.connection.take() {
            self.database.check().await?;
            if B::lives(&mut connection, self.rests_since.elapsed()).await {
                return Ok(connection);
            }
        }
        self.database.open(self.open).await
    }

    fn keep(&mut self, connection: B::Connection) {
        self.connection = Some(connection);
        self.rests_since = Instant::now();
    }

    /// After trouble the database has to show first that it takes a commit.
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

    /// What the verb that has just succeeded came to.
    fn committed<R>(&self, outcome: R) -> Committed<B, R> {
        Committed { outcome, database: Arc::clone(&self.database), is_unsynced: self.open == Open::ForVerbs }
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
        let outcome = verb(&mut connection).await;
        // What the server has ended before a commit was sent has begun nothing.
        let is_lost = outcome.is_err() && !B::lives(&mut connection, Duration::ZERO).await;
        // A commit to a file that is not there any more succeeds, and is no success.
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
