use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use deadpool::managed::Object;
use mojito_schema::{Backend, FilesChanged, Open, OpenError, Trouble, fault, trouble};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Health, Unavailable};
use crate::notices::Notices;
use crate::pool::{InUse, Pool, PooledConnection};

/// The host's database, as every part of the plugin shares it.
pub(crate) struct Database<B: Backend> {
    pool: Pool<B>,
    writers: Arc<Mutex<()>>,
    transactions: Arc<Mutex<()>>,
    files: B::DatabaseFiles,
    health: Arc<Health>,
    notices: Notices,
    /// Deliveries up to this one are on the disk: commits come there in their order.
    durable_up_to: AtomicI64,
}

/// The turn to write, where a database has one writer at a time. Held until the commit.
pub(crate) struct WriteTurn(#[expect(dead_code, reason = "held, not read")] Option<OwnedMutexGuard<()>>);

/// The turn to take a connection that a handler's transaction is to run on, where only one can run at a time.
pub(crate) struct TransactionTurn(#[expect(dead_code, reason = "held, not read")] Option<OwnedMutexGuard<()>>);

impl<B: Backend> Database<B> {
    pub async fn new(pool: Pool<B>, notices: Notices) -> Result<Self, OpenError> {
        let files = B::files(pool.url()).await?;
        let durable_up_to = AtomicI64::new(0);
        let (writers, transactions) = (Arc::default(), Arc::default());
        let health = Arc::new(Health::new(notices.clone()));
        Ok(Self { pool, writers, transactions, files, health, notices, durable_up_to })
    }

    /// Takes note that a delivery is on the disk, and so all that were stored before it.
    pub fn note_durable(&self, delivery_id: i64) {
        self.durable_up_to.fetch_max(delivery_id, Ordering::Relaxed);
    }

    /// Whether a delivery is known to be on the disk.
    pub fn is_durable(&self, delivery_id: i64) -> bool {
        delivery_id <= self.durable_up_to.load(Ordering::Relaxed)
    }

    /// What is known to be wrong with it.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Where whoever has the database says what needs a person.
    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    pub fn url(&self) -> &str {
        self.pool.url()
    }

    /// Rocket's runtime: for what is not to depend on who asks for it.
    pub fn runtime(&self) -> &Handle {
        self.pool.runtime()
    }

    /// Keeps the pool open for as long as it is held.
    pub async fn keep_open(&self) -> InUse {
        self.pool.keep_open().await
    }

    /// A connection of the host's pool.
    pub async fn connection(&self) -> Result<PooledConnection<B>, OpenError> {
        if let Some(files_changed) = B::files_changed(&self.files) {
            return Err(files_changed.into());
        }
        let connection = self.pool.connection().await?;
        match B::files_changed(&self.files) {
            None => Ok(connection),
            Some(files_changed) => {
                // It may be one to another file, and is not to be there when this one is back.
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

    /// Whether the database is in its place. Where another has taken it, that one is left alone until a restart: nobody
    /// knows what it is.
    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        match B::files_changed(&self.files) {
            None => Ok(()),
            Some(files_changed) => {
                self.save(files_changed).await;
                Err(Unavailable::Database)
            }
        }
    }

    /// What was committed goes into the file that may still be saved, or is in its place already.
    async fn save(&self, files_changed: FilesChanged) {
        self.health.report("the database is not where it was", files_changed);
        match B::checkpoint(&self.files).await {
            Ok(true) => {}
            Ok(false) => self.health.report("its log could not be saved", "somebody reads it"),
            Err(error) => self.health.report("its log could not be saved", fault(&error)),
        }
    }

    /// Waits until what was committed is on the disk. `failure` is what the log says where it cannot be.
    pub(super) async fn sync_wal(&self, failure: &'static str) -> Result<(), Unavailable> {
        if let Err(error) = B::sync_wal(&self.files).await {
            self.health.note_trouble(trouble(&error));
            self.health.report(failure, fault(&error));
            // It is committed, and may be lost.
            return Err(Unavailable::Unknown);
        }
        self.check().await
    }

    /// Makes sure that what stands in a log is on the disk.
    pub(super) async fn persist_wal(&self) -> Result<(), Unavailable> {
        B::persist_wal(&self.files).await.map_err(|error| {
            self.health.report("the database is in trouble", fault(&error));
            Unavailable::Database
        })
    }

    /// What an operator should know of the database's files.
    pub fn warning(&self) -> Option<&'static str> {
        B::warning(&self.files)
    }

    /// Shortens a log that has grown long.
    pub async fn checkpoint_if_long(&self) {
        const FAILURE: &str = "the database's log cannot be shortened";
        // What never reached the disk must not be built on: after a power cut the rest of the log would stand above it.
        if self.health.trouble() == Some(Trouble::Disk) {
            return;
        }
        match B::checkpoint_if_long(&self.files).await {
            Ok(true) => {}
            Ok(false) => {
                self.health.report(FAILURE, "somebody has been reading for long, and it grows until the end of that");
            }
            Err(error) => self.health.report(FAILURE, fault(&error)),
        }
    }

    /// Waits for the turn to write, first come, first served. SQLite's own lock is unfair: under load some
    /// would wait for seconds. It is always the last thing that is waited for before a transaction.
    pub async fn write_turn(&self) -> WriteTurn {
        if B::SINGLE_WRITER { WriteTurn(Some(Arc::clone(&self.writers).lock_owned().await)) } else { WriteTurn(None) }
    }

    /// Waits for the turn to take a connection and then to write, first come, first served. So handlers' transactions run
    /// on one connection while there are no others: each that has its own would forget all it has read whenever another
    /// one has written.
    pub async fn transaction_turn(&self) -> TransactionTurn {
        if B::SINGLE_WRITER {
            TransactionTurn(Some(Arc::clone(&self.transactions).lock_owned().await))
        } else {
            TransactionTurn(None)
        }
    }
}
