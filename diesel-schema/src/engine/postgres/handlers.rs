use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::Connection;
use super::transaction::LOCK_TIMEOUT;
use crate::engine::db_error::is_lock_timeout;
use crate::schema::handlers::active;
use crate::{HandlerSpec, handlers};

/// Lets no handler be attached or retired before the transaction ends. A recorder does so before it reads which there are.
pub(super) const KEEP_HANDLERS: &str = "LOCK TABLE mojito_handlers IN ROW SHARE MODE";

/// Waits until no recorder has a transaction open, and lets none begin. Not `ACCESS EXCLUSIVE`: a backup reads the table for
/// as long as it runs.
const CHANGE_HANDLERS: &str = "LOCK TABLE mojito_handlers IN EXCLUSIVE MODE";

/// How long it waits for that at a time. Recorders that come later wait as long.
const TABLE_LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// How long those have for themselves between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(300);

/// How long a recorder's transaction may be in the way: the server ends one that is frozen much earlier.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(30);

/// The handlers that work is made for.
pub(super) async fn active_handlers(mut connection: &Connection) -> QueryResult<Vec<HandlerSpec>> {
    let columns = (handlers::name, handlers::takes_late, handlers::max_attempts, handlers::has_erased_hook);
    active().order(handlers::name).select(columns).load(&mut connection).await
}

/// Lets nobody record before the transaction ends: of two deliveries one is recorded before it, and sees nothing of what it
/// changes, or after it, and sees all.
pub(super) async fn change_handlers(connection: &mut Connection) -> QueryResult<()> {
    let wait = TABLE_LOCK_TIMEOUT.as_millis();
    let wait =
        format!("SET LOCAL lock_timeout = '{wait}ms'; {CHANGE_HANDLERS}; SET LOCAL lock_timeout = {LOCK_TIMEOUT}");
    connection.batch_execute(&wait).await
}

/// How long recorders have been in the way.
pub(super) struct Patience {
    began: Instant,
    tried: Instant,
}

impl Patience {
    pub fn new() -> Self {
        Self { began: Instant::now(), tried: Instant::now() }
    }

    /// Whether to try again after this error.
    pub fn lasts(&self, error: &Error) -> bool {
        is_lock_timeout(error, self.tried.elapsed(), TABLE_LOCK_TIMEOUT) && self.began.elapsed() < ATTACH_TIMEOUT
    }

    pub async fn pause(&mut self) {
        tokio::time::sleep(RETRY_INTERVAL).await;
        self.tried = Instant::now();
    }
}
