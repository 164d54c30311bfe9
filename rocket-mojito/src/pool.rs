//! Diesel 2.3 pools for `rocket_db_pools`, which ships none for it.
//!
//! ```no_run
//! # // It would open a database.
//! use rocket_db_pools::Database;
//! use rocket_mojito::pool::SqlitePool;
//!
//! #[derive(Database)]
//! #[database("hiring")]
//! struct HostDb(SqlitePool);
//!
//! # fn main() { let _ = rocket::build().attach(HostDb::init()); }
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::PoolableConnection;
use mojito_schema::{Backend, Open, OpenError};
use rocket::figment::Figment;
use rocket_db_pools::{Config, Error};
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::config::read_pool;

/// The rest after which a connection is pinged before its next use.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The time limit of a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The name of a pool's settings where the caller does not know the database's name.
const ANY_DATABASE: &str = "databases.<name>";

/// A pool of SQLite connections: WAL, `synchronous = FULL`, foreign keys, a busy timeout.
///
/// On a runtime with several threads, as Rocket's is, a call runs on its caller's thread, by
/// [`block_in_place`](tokio::task::block_in_place). Other tasks go on, but futures joined in the same task wait.
///
/// # Panics
///
/// A call in a [`LocalSet`](tokio::task::LocalSet) panics.
#[cfg(feature = "sqlite")]
pub type SqlitePool = Pool<mojito_schema::Sqlite>;

/// A pool of Postgres connections, in pure Rust.
#[cfg(feature = "postgres")]
pub type PgPool = Pool<mojito_schema::Postgres>;

/// A connection of a [`Pool`]. It derefs to the Diesel connection.
pub type PooledConnection<B> = managed::Object<Manager<B>>;

/// A pool of asynchronous Diesel connections to one database.
///
/// Its settings are named as in every `rocket_db_pools` pool: `url`, `max_connections` (10,000 at most),
/// `connect_timeout` (in seconds, 3,600 at most).
pub struct Pool<B: Backend> {
    pool: managed::Pool<Manager<B>>,
    url: String,
    users: Arc<RwLock<()>>,
}

/// Keeps a pool open: its close waits until every guard is dropped.
pub(crate) struct InUse(#[expect(dead_code, reason = "held, not read")] OwnedRwLockReadGuard<()>);

impl<B: Backend> Pool<B> {
    /// The URL of the pool's database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The maximum number of connections.
    pub(crate) fn max_connections(&self) -> usize {
        self.pool.status().max_size
    }

    /// The runtime on which the pool was made: Rocket's.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.pool.manager().runtime
    }

    /// Opens a connection outside of the pool.
    pub(crate) async fn open_beside(&self, open: Open) -> Result<B::Connection, OpenError> {
        self.pool.manager().open(open).await
    }

    /// Keeps the pool open while handlers run, also when Rocket shuts both down at once.
    pub(crate) async fn keep_open(&self) -> InUse {
        InUse(Arc::clone(&self.users).read_owned().await)
    }

    /// Opens the database, which is created unless `open` says that it exists: then no mistyped path becomes a file.
    pub(crate) async fn open(config: &Config, open: Open) -> Result<Self, OpenError> {
        let url = B::shared_url(&config.url);
        let timeout = Some(Duration::from_secs(config.connect_timeout));
        let pool = managed::Pool::builder(Manager::new(url.clone(), open))
            .max_size(config.max_connections)
            // The connection that was used last has the warmest cache, and its prepared statements.
            .queue_mode(managed::QueueMode::Lifo)
            .wait_timeout(timeout)
            .create_timeout(timeout)
            .recycle_timeout(Some(PING_TIMEOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .expect("a runtime is named");
        let pool = Self { pool, url, users: Arc::default() };
        // The pool connects lazily. Without this connection, an absent database would not stop the launch.
        drop(pool.connection().await?);
        Ok(pool)
    }

    pub(crate) async fn connection(&self) -> Result<PooledConnection<B>, OpenError> {
        self.pool.get().await.map_err(|error| match error {
            managed::PoolError::Backend(error) => error,
            error => OpenError::no_connection(error.to_string()),
        })
    }
}

impl<B: Backend> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), url: self.url.clone(), users: Arc::clone(&self.users) }
    }
}

impl<B: Backend> fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("backend", &B::NAME).field("status", &self.pool.status()).finish()
    }
}

#[rocket::async_trait]
impl<B: Backend> rocket_db_pools::Pool for Pool<B> {
    type Connection = PooledConnection<B>;
    type Error = Error<OpenError>;

    async fn init(figment: &Figment) -> Result<Self, Self::Error> {
        let config = read_pool(ANY_DATABASE, figment).map_err(|error| Error::Config(error.to_string().into()))?;
        Self::open(&config, Open::Create).await.map_err(Error::Init)
    }

    async fn get(&self) -> Result<Self::Connection, Self::Error> {
        self.connection().await.map_err(Error::Get)
    }

    async fn close(&self) {
        let _nobody = self.users.write().await;
        self.pool.close();
    }
}

/// Opens the connections of a [`Pool`].
pub struct Manager<B> {
    url: String,
    runtime: Handle,
    /// Whether a connection was opened once. From then on, a vanished database is never created anew.
    has_opened: AtomicBool,
    backend: PhantomData<fn() -> B>,
}

impl<B: Backend> Manager<B> {
    fn new(url: String, open: Open) -> Self {
        let has_opened = AtomicBool::new(open == Open::Existing);
        Self { url, runtime: Handle::current(), has_opened, backend: PhantomData }
    }

    /// Opens a connection on Rocket's runtime, whatever runtime the caller is on. A connection's driver task lives on
    /// the runtime that opened it. On the handlers' runtime it would stall while a handler blocks its thread, and end
    /// with that runtime.
    async fn open(&self, open: Open) -> Result<B::Connection, OpenError> {
        let url = self.url.clone();
        let opening = self.runtime.spawn(async move { B::open(&url, open).await });
        opening.await.unwrap_or_else(|_| Err(OpenError::no_connection("Rocket has ended")))
    }
}

impl<B: Backend> managed::Manager for Manager<B> {
    type Type = B::Connection;
    type Error = OpenError;

    async fn create(&self) -> Result<B::Connection, OpenError> {
        let open = if self.has_opened.load(Ordering::Acquire) { Open::Existing } else { Open::Create };
        let connection = self.open(open).await?;
        self.has_opened.store(true, Ordering::Release);
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut B::Connection, metrics: &Metrics) -> RecycleResult<OpenError> {
        if connection.is_broken() {
            return Err(RecycleError::message("the connection is broken"));
        }
        // A resting connection may have died unnoticed.
        if metrics.last_used() > PING_INTERVAL && connection.batch_execute("SELECT 1").await.is_err() {
            return Err(RecycleError::message("the connection is dead"));
        }
        Ok(())
    }
}

/// A pooled connection that is closed on drop, unless the caller gives it back as good as before.
///
/// So a panic, a timeout or an error never leaves an open transaction to the next user.
pub(crate) struct Loan<B: Backend>(Option<PooledConnection<B>>);

impl<B: Backend> Loan<B> {
    pub fn new(connection: PooledConnection<B>) -> Self {
        Self(Some(connection))
    }

    pub fn connection(&mut self) -> &mut B::Connection {
        self.0.as_mut().expect("there until it is given back")
    }

    pub fn give_back(mut self) {
        self.0 = None;
    }
}

impl<B: Backend> Drop for Loan<B> {
    fn drop(&mut self) {
        drop(self.0.take().map(managed::Object::take));
    }
}
