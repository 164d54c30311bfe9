use std::sync::Arc;

use mojito_schema::{Backend, OpenError};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::pool::{InUse, Pool, PooledConnection};

/// The host's database, as every part of the plugin shares it.
pub(crate) struct Database<B: Backend> {
    pool: Pool<B>,
    writers: Arc<Mutex<()>>,
}

/// The turn to write, where a database has one writer at a time. Held until the commit.
pub(crate) struct WriteTurn(#[expect(dead_code, reason = "held, not read")] Option<OwnedMutexGuard<()>>);

impl<B: Backend> Database<B> {
    pub fn new(pool: Pool<B>) -> Self {
        Self { pool, writers: Arc::default() }
    }

    pub fn url(&self) -> &str {
        self.pool.url()
    }

    /// Keeps the pool open for as long as it is held.
    pub async fn keep_open(&self) -> InUse {
        self.pool.keep_open().await
    }

    /// A connection of the host's pool.
    pub async fn connection(&self) -> Result<PooledConnection<B>, OpenError> {
        self.pool.connection().await
    }

    /// Waits for the turn to write, first come, first served. SQLite's own lock is unfair: under load some
    /// would wait for seconds. It is always the last thing that is waited for before a transaction.
    pub async fn write_turn(&self) -> WriteTurn {
        match B::SINGLE_WRITER {
            true => WriteTurn(Some(Arc::clone(&self.writers).lock_owned().await)),
            false => WriteTurn(None),
        }
    }
}
