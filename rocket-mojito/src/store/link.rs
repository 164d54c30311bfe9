use std::sync::Arc;

use mojito_schema::{Backend, QueryResult, Trouble, fault, is_unknown, trouble};
use rocket::futures::FutureExt;
use rocket::futures::future::BoxFuture;

use super::database::Opened;
use super::{Database, Unavailable};

/// A connection that one task owns for as long as it lives, opened again after a failure.
///
/// So neither ingress nor dispatch competes for the host's pool.
pub(crate) struct Link<B: Backend> {
    database: Arc<Database<B>>,
    opened: Option<Opened<B>>,
}

impl<B: Backend> Link<B> {
    pub fn new(database: Arc<Database<B>>) -> Self {
        Self { database, opened: None }
    }

    pub fn database(&self) -> &Arc<Database<B>> {
        &self.database
    }

    /// Runs a verb that writes, when its turn has come. What it wrote is durable. `failure` is what the log says where
    /// the database refuses.
    ///
    /// # Cancellation
    ///
    /// The connection is closed, and nobody knows what was committed.
    pub async fn write<R, F>(&mut self, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let outcome = self.write_without_wait(failure, verb).await?;
        // Whoever is next writes meanwhile.
        self.sync(failure).await?;
        Ok(outcome)
    }

    /// The same for what may be lost by a power cut, because it is only done again then.
    ///
    /// # Cancellation
    ///
    /// The connection is closed, and nobody knows what was committed.
    pub async fn write_without_wait<R, F>(&mut self, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let mut opened = self.take().await?;
        let _turn = self.database.write_turn().await;
        if let Some(trouble) = self.database.health().trouble() {
            opened = self.proven(opened, trouble).await?;
        }
        self.run(opened, failure, verb).await
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
        let opened = self.take().await?;
        self.run(opened, failure, verb).await
    }

    /// Waits until what was written last is on the disk.
    async fn sync(&mut self, failure: &'static str) -> Result<(), Unavailable> {
        if let Some(opened) = self.opened.take() {
            self.opened = Some(self.database.synced(opened, failure).await?);
        }
        Ok(())
    }

    async fn take(&mut self) -> Result<Opened<B>, Unavailable> {
        match self.opened.take() {
            Some(opened) => self.database.checked(opened).await,
            None => self.database.open().await,
        }
    }

    /// After trouble the database has to show first that it takes a commit.
    async fn proven(&mut self, opened: Opened<B>, trouble: Trouble) -> Result<Opened<B>, Unavailable> {
        if trouble == Trouble::Disk {
            self.database.settle_log().await?;
        }
        const FAILURE: &str = "the database is in trouble";
        self.run(opened, FAILURE, |c| B::prove(c).boxed()).await?;
        self.sync(FAILURE).await?;
        self.database.health().recover();
        self.take().await
    }

    /// Only after a success the connection is kept: after an error, a panic or a dropped future nobody knows what
    /// state it is in.
    async fn run<R, F>(&mut self, mut opened: Opened<B>, failure: &'static str, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        let outcome = verb(&mut opened.connection).await;
        // A commit to a file that is not there any more succeeds, and is no success.
        let opened = self.database.checked(opened).await?;
        match outcome {
            Ok(outcome) => {
                self.opened = Some(opened);
                Ok(outcome)
            }
            Err(error) => {
                self.database.health().suffer(trouble(&error));
                self.database.health().tell(failure, fault(&error));
                Err(if is_unknown(&error) { Unavailable::Unknown } else { Unavailable::Database })
            }
        }
    }
}
