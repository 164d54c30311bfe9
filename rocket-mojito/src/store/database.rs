use std::sync::Arc;

use deadpool::managed::Object;
use mojito_schema::{Backend, FilesChanged, Open, OpenError, OpenFiles, Trouble, fault, trouble};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

#[cfg(feature = "testing")]
use super::Failures;
use super::{Durability, Health, SecretUses, Unavailable};
use crate::notices::Notices;
use crate::pool::{InUse, Pool, PooledConnection};

const NOT_SHORTENED: &str = "the database's log cannot be shortened";

/// The host's database, as every part of the plugin shares it.
pub(crate) struct Database<B: Backend> {
    pool: Pool<B>,
    writers: Arc<Mutex<()>>,
    transactions: Arc<Mutex<()>>,
    /// The files of an embedded database.
    files: Option<B::Files>,
    health: Arc<Health>,
    notices: Notices,
    durability: Durability,
    secret_uses: SecretUses,
    /// The failures that a host's test has ordered.
    #[cfg(feature = "testing")]
    failures: Arc<Failures>,
}

/// The turn to write, where a database has one writer at a time. Held until the commit.
pub(crate) struct WriteTurn(#[expect(dead_code, reason = "held, not read")] Option<OwnedMutexGuard<()>>);

/// The turn to take a connection for a handler's transaction, where only one such transaction can run at a time.
pub(crate) struct TransactionTurn(#[expect(dead_code, reason = "held, not read")] Option<OwnedMutexGuard<()>>);

impl<B: Backend> Database<B> {
    pub async fn new(pool: Pool<B>, notices: Notices) -> Result<Self, OpenError> {
        let files = B::open_files(pool.url()).await?;
        let (writers, transactions) = (Arc::default(), Arc::default());
        let health = Arc::new(Health::new(notices.clone()));
        Ok(Self {
            pool,
            writers,
            transactions,
            files,
            health,
            notices,
            durability: Durability::default(),
            secret_uses: SecretUses::default(),
            #[cfg(feature = "testing")]
            failures: Arc::default(),
        })
    }

    /// The failures that a host's test has ordered.
    #[cfg(feature = "testing")]
    pub fn failures(&self) -> &Arc<Failures> {
        &self.failures
    }

    /// The deliveries that are known to be on the disk.
    pub fn durability(&self) -> &Durability {
        &self.durability
    }

    /// The uses of secrets, between the recorder and the task that notes them.
    pub fn secret_uses(&self) -> &SecretUses {
        &self.secret_uses
    }

    /// The health of the database, as this process knows it.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The notices that need a person, open to every owner of the database.
    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    pub fn url(&self) -> &str {
        self.pool.url()
    }

    /// Rocket's runtime, for tasks that must not depend on their caller.
    pub fn runtime(&self) -> &Handle {
        self.pool.runtime()
    }

    /// Keeps the pool open for as long as the returned guard lives.
    pub async fn keep_open(&self) -> InUse {
        self.pool.keep_open().await
    }

    fn files_changed(&self) -> Option<FilesChanged> {
        self.files.as_ref()?.changed()
    }

    /// A connection of the host's pool.
    pub async fn connection(&self) -> Result<PooledConnection<B>, OpenError> {
        if let Some(files_changed) = self.files_changed() {
            return Err(files_changed.into());
        }
        let connection = self.pool.connection().await?;
        match self.files_changed() {
            None => Ok(connection),
            Some(files_changed) => {
                // The connection may be one to another file, and must not be in the pool when the first file is back.
                drop(Object::take(connection));
                Err(files_changed.into())
            }
        }
    }

    /// A connection beside the pool. A database that has vanished is an error: it is never created here.
    pub(super) async fn open(&self, open: Open) -> Result<B::Connection, Unavailable> {
        self.check().await?;
        match self.pool.open_beside(open).await {
            Ok(connection) => Ok(connection),
            Err(error) => {
                self.health.report("the database cannot be reached", error);
                Err(Unavailable::Connection)
            }
        }
    }

    /// Whether the database's files are in their place. If other files have taken that place, they are left alone until
    /// a restart: their content is unknown.
    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        match self.files_changed() {
            None => Ok(()),
            Some(files_changed) => {
                self.save(files_changed).await;
                Err(Unavailable::Database)
            }
        }
    }

    /// Checkpoints the WAL into the open database file. An operator may still save that file, or it is back in its
    /// place already.
    async fn save(&self, files_changed: FilesChanged) {
        self.health.report("the database is not where it was", files_changed);
        let Some(files) = &self.files else { return };
        match files.checkpoint().await {
            Ok(true) => {}
            Ok(false) => self.health.report("its log could not be saved", "somebody reads it"),
            Err(error) => self.health.report("its log could not be saved", fault(&error)),
        }
    }

    /// Waits for an fsync of the WAL, so that every commit is on the disk. `failure` is the message in the log if it
    /// fails.
    pub(super) async fn sync_wal(&self, failure: &'static str) -> Result<(), Unavailable> {
        let Some(files) = &self.files else { return Ok(()) };
        if let Err(error) = files.sync_wal().await {
            self.health.note_trouble(trouble(&error));
            self.health.report(failure, fault(&error));
            // The transaction is committed, and may be lost.
            return Err(Unavailable::Unknown);
        }
        self.check().await
    }

    /// Makes sure that the content of the WAL is on the disk.
    pub(super) async fn persist_wal(&self) -> Result<(), Unavailable> {
        let Some(files) = &self.files else { return Ok(()) };
        files.persist_wal().await.map_err(|error| {
            self.health.report("the database is in trouble", fault(&error));
            Unavailable::Database
        })
    }

    /// Whether the database is embedded, so that its files are to be looked after.
    pub fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// A warning to operators about the database's files.
    pub fn warning(&self) -> Option<&'static str> {
        self.files.as_ref()?.warning()
    }

    /// Checkpoints the WAL while others write, if enough was written since the last time.
    pub async fn checkpoint_beside_writers(&self) {
        let Some(files) = self.files_to_checkpoint() else { return };
        if let Err(error) = files.checkpoint_beside_writers().await {
            self.note_not_shortened(trouble(&error), fault(&error));
        }
    }

    /// Checkpoints a WAL that has grown long, and gives its bytes back.
    pub async fn checkpoint_if_long(&self) {
        let Some(files) = self.files_to_checkpoint() else { return };
        match files.checkpoint_if_long().await {
            Ok(true) => {}
            Ok(false) => {
                self.health
                    .report(NOT_SHORTENED, "somebody has been reading for long, and it grows until the end of that");
            }
            Err(error) => self.note_not_shortened(trouble(&error), fault(&error)),
        }
    }

    /// An fsync that failed is told of once. The next checkpoint would build on it.
    fn note_not_shortened(&self, trouble: Option<Trouble>, fault: &str) {
        self.health.note_trouble(trouble);
        self.health.report(NOT_SHORTENED, fault);
    }

    /// The files, if a checkpoint may run. It must not build on commits that never reached the disk: after a power cut
    /// the rest of the WAL would stand behind that gap.
    fn files_to_checkpoint(&self) -> Option<&B::Files> {
        self.files.as_ref().filter(|_| self.health.trouble() != Some(Trouble::Disk))
    }

    /// Waits for the turn to write, first come, first served. SQLite's own lock is unfair: under load some writers
    /// would wait for seconds. This turn is always the last wait before a transaction.
    pub async fn write_turn(&self) -> WriteTurn {
        if B::SINGLE_WRITER { WriteTurn(Some(Arc::clone(&self.writers).lock_owned().await)) } else { WriteTurn(None) }
    }

    /// Waits for the turn to take a connection and then to write, first come, first served. So handlers' transactions
    /// run on one connection while there are no other connections. With connections of their own, each would lose its
    /// page cache whenever another one has written. A quarter less of a backlog was handled so: `tests/BENCHMARKS.md`.
    pub async fn transaction_turn(&self) -> TransactionTurn {
        if B::SINGLE_WRITER {
            TransactionTurn(Some(Arc::clone(&self.transactions).lock_owned().await))
        } else {
            TransactionTurn(None)
        }
    }
}
