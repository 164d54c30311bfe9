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
    /// It is committed when the handler answers `Ok`, and rolled back otherwise. A transaction within it (Diesel's
    /// `transaction`) is a savepoint. The commit does not wait for the disk: a power cut may take what was written and the
    /// mark together, and then the handler is run again.
    ///
    /// # What a handler may do to it
    ///
    /// Whatever it does, its effect is there once or not at all. A failed attempt is rolled back, says why in `last_error`,
    /// and is made again.
    ///
    /// | what a handler does | on SQLite | on Postgres |
    /// | --- | --- | --- |
    /// | passes by an error of a statement, and answers `Ok` | the statement alone is undone, and the rest is committed | the server has given up the whole: the attempt fails |
    /// | meets an error that rolls back all: `ON CONFLICT ROLLBACK`, `RAISE(ROLLBACK)`, a full disk | what follows is refused, and the attempt fails | as above |
    /// | breaks a constraint that is checked at the commit | the attempt fails | the attempt fails |
    /// | `BEGIN` | refused; the transaction goes on | a warning of the server |
    /// | `COMMIT`, `END` | refused; the transaction goes on | commits effect and mark: the delivery is done. Nothing can be written after it, and an error has no consequence any more |
    /// | `ROLLBACK` | refused; the transaction goes on | undoes all: nothing can be written after it, and the attempt fails |
    /// | begins one of its own after that, `READ WRITE` by name | refused | it is rolled back, unless the handler commits it: then it is an effect like a call elsewhere, at least once |
    /// | savepoints, Diesel's `transaction()` | as ever | as ever |
    /// | panics, or times out, also in a savepoint | the attempt fails; an open savepoint costs the connection | the same |
    /// | drops a savepoint's future half-way, and answers `Ok` | the attempt fails | the attempt fails |
    /// | drops a statement's future half-way | it has ended before anything else happens, and is part of the transaction | it goes on, and is part of the transaction |
    /// | `PRAGMA`, `ATTACH`, `CREATE` of anything | the connection is closed after the attempt | |
    /// | `SET`, `SET ROLE`, `LISTEN`, temporary tables, advisory locks, cursors | | gone after the attempt, also what the pool's other users had set |
    /// | `PREPARE`, `DEALLOCATE` | | stay: do not use them, Diesel prepares by itself |
    /// | sets Diesel's instrumentation | it is heard until the end of the attempt, then the connection is closed | the same |
    /// | takes Diesel's connection itself, from `spawn_blocking` by a deref | nobody looks any more: the connection is closed after the attempt | |
    /// | answers `Ok` although this method failed | the attempt fails | the attempt fails |
    ///
    /// Behind a proxy (`proxy=transaction`) the server cannot be told that nothing may be written after a `COMMIT` or a
    /// `ROLLBACK` of the handler's own. There, do neither.
    ///
    /// A database that is read-only by default (`default_transaction_read_only`) takes the handler's writes all the same.
    /// While the server is a standby, no attempt is charged.
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
