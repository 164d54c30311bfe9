use std::fmt;

use mojito_schema::Backend;

use super::handler::HandlerError;
use super::transaction::Transaction;

/// What a handler may use besides the event.
pub struct Context<'a, B: Backend> {
    transaction: &'a mut Transaction<B>,
    attempt: i32,
    key: &'a str,
}

impl<'a, B: Backend> Context<'a, B> {
    pub(super) fn new(transaction: &'a mut Transaction<B>, attempt: i32, key: &'a str) -> Self {
        Self { transaction, attempt, key }
    }

    /// The transaction in which the "done" mark is set: what is written through it happens exactly once.
    ///
    /// The first call takes a connection from the pool and opens the transaction; its first statement is the fence,
    /// which only lets through who still holds the lease. Before that call nothing is held, so that is the
    /// place to call other services and take time. After it, be quick: on SQLite nobody else can write meanwhile,
    /// not even what has just been received, and an [`Inbox`](crate::Inbox) that is asked to write waits for it in vain.
    /// Postgres ends it where nothing happens in it for as long as the lease, so that a process that freezes frees it.
    ///
    /// It is committed when the handler answers `Ok`, and rolled back otherwise. Do not commit it yourself. A
    /// transaction within it (Diesel's `transaction`) is a savepoint. The commit does not wait for the disk: a power cut may
    /// take what was written and the mark together, and then the handler is run again.
    ///
    /// # Errors
    ///
    /// When the lease was lost, or the database cannot be reached. Hand the error on with `?`.
    ///
    /// # Cancellation
    ///
    /// Dropped half-way, the connection is closed, and nothing is committed.
    pub async fn transaction(&mut self) -> Result<&mut B::Connection, HandlerError> {
        self.transaction.connection().await
    }

    /// Which attempt this is, from 1. Attempts are counted when they begin.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// A key that is the same in every attempt of this handler at this delivery, over restarts and replays, and
    /// of no other: the idempotency key for calls elsewhere. 32 hexadecimal digits.
    pub fn key(&self) -> &str {
        self.key
    }
}

impl<B: Backend> fmt::Debug for Context<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("attempt", &self.attempt).field("key", &self.key).finish_non_exhaustive()
    }
}
