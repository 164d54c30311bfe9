use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::Connection;
use super::transaction::LOCK_TIMEOUT;
use crate::engine::db_error::is_lock_timeout;
use crate::schema::handlers::{SPEC, active};
use crate::{HandlerSpec, handlers};

/// Lets no handler be attached or retired before the transaction ends. A recorder takes this lock before it reads the
/// handlers.
pub(super) const KEEP_HANDLERS: &str = "LOCK TABLE mojito_handlers IN ROW SHARE MODE";

/// Waits until no recorder has a transaction open, and lets none begin. Not `ACCESS EXCLUSIVE`: a running backup reads
/// the table.
const CHANGE_HANDLERS: &str = "LOCK TABLE mojito_handlers IN EXCLUSIVE MODE";

/// How long one try waits for that lock. Recorders that come later wait as long.
const TABLE_LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// The pause between two tries, in which recorders have the table for themselves.
const RETRY_INTERVAL: Duration = Duration::from_millis(300);

/// How long a recorder's transaction may be in the way: the server ends one that is frozen much earlier.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(30);

/// The handlers that work is made for.
pub(super) async fn active_handlers(mut connection: &Connection) -> QueryResult<Vec<HandlerSpec>> {
    active().order(handlers::name).select(SPEC).load(&mut connection).await
}

/// Lets nobody record before the transaction ends. Each delivery is recorded before the transaction, and sees none of
/// its changes, or after it, and sees all of them.
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
