use std::fmt;

use mojito_schema::Backend;

use super::handler::HandlerError;
use super::transaction::Transaction;

/// The tools of a handler besides the event.
pub struct Context<'a, B: Backend> {
    transaction: &'a mut Transaction<B>,
    attempt: i32,
    key: &'a str,
}

impl<'a, B: Backend> Context<'a, B> {
    pub(super) fn new(transaction: &'a mut Transaction<B>, attempt: i32, key: &'a str) -> Self {
        Self { transaction, attempt, key }
    }

    /// The transaction in which the "done" mark is set: a write through it takes effect exactly once.
    ///
    /// The first call takes a connection from the pool and opens the transaction. Its first statement is the fence,
    /// which passes only while this attempt still holds the lease. Before that call the handler holds no connection, so
    /// that is the place for calls to other services and other slow work.
    ///
    /// After the call, be quick. On SQLite the open transaction blocks every other writer, even the recording of new
    /// deliveries, and a write through [`Inbox`](crate::Inbox) waits for it in vain. Postgres ends a transaction that
    /// is idle for as long as the lease, so that a frozen process does not block others.
    ///
    /// The transaction is committed if the handler answers `Ok`, and rolled back otherwise. A transaction within it
    /// (Diesel's `transaction`) is a savepoint. The commit does not wait for the disk. A power cut may undo the effect
    /// and the mark together, and then the handler is run again.
    ///
    /// # Statements and failures of a handler
    ///
    /// Every effect through it is there once or not at all, whatever the handler does. A failed attempt is rolled back,
    /// stores the reason in `last_error`, and is repeated.
    ///
    /// | a handler | on SQLite | on Postgres |
    /// | --- | --- | --- |
    /// | ignores an error of a statement, and answers `Ok` | the statement alone is undone, and the rest is committed | the server has aborted the whole transaction: the attempt fails |
    /// | meets an error that rolls back all: `ON CONFLICT ROLLBACK`, `RAISE(ROLLBACK)`, a full disk | later statements are refused, and the attempt fails | as above |
    /// | breaks a constraint that is checked at the commit | the attempt fails | the attempt fails |
    /// | `BEGIN` | refused; the transaction goes on | a warning of the server |
    /// | `COMMIT`, `END` | refused; the transaction goes on | commits effect and mark: the delivery is done. Nothing can be written after it, and an error has no consequence any more |
    /// | `ROLLBACK` | refused; the transaction goes on | undoes all: nothing can be written after it, and the attempt fails |
    /// | begins a transaction of its own after that, `READ WRITE` by name | refused | it is rolled back, unless the handler commits it: then it is an effect like a call elsewhere, at least once |
    /// | savepoints, Diesel's `transaction()` | as ever | as ever |
    /// | panics, or times out, also in a savepoint | the attempt fails; an open savepoint costs the connection | the same |
    /// | drops a savepoint's future half-way, and answers `Ok` | the attempt fails | the attempt fails |
    /// | drops a statement's future half-way | the statement ends before any other runs, and is part of the transaction | the statement goes on, and is part of the transaction |
    /// | `PRAGMA`, `ATTACH`, `CREATE` of anything | the connection is closed after the attempt | |
    /// | `SET`, `SET ROLE`, `LISTEN`, temporary tables, advisory locks, cursors | | gone after the attempt, as are the settings of the pool's other users |
    /// | `PREPARE`, `DEALLOCATE` | | stay: do not use them, since Diesel has its own prepared statements |
    /// | sets Diesel's instrumentation | it is called until the end of the attempt, then the connection is closed | the same |
    /// | takes Diesel's connection itself, from `spawn_blocking` by a deref | its use is not tracked: the connection is closed after the attempt | |
    /// | answers `Ok` although this method failed | the attempt fails | the attempt fails |
    ///
    /// Behind a proxy (`proxy=transaction`) the server cannot refuse writes after the handler's own `COMMIT` or
    /// `ROLLBACK`. There, use neither.
    ///
    /// The handler's writes also work on a database that is read-only by default (`default_transaction_read_only`).
    /// While the server is a standby, no attempt is charged.
    ///
    /// # Errors
    ///
    /// When the lease was lost, or the database cannot be reached. Hand the error on with `?`.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped half-way, the connection is closed, and nothing is committed.
    pub async fn transaction(&mut self) -> Result<&mut B::Connection, HandlerError> {
        self.transaction.connection().await
    }

    /// The number of this attempt, from 1. Attempts are counted when they begin. In a rehearsal it is 1.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// Whether this run is a [rehearsal](crate::Inbox::rehearse). Its transaction is rolled back, whatever the handler
    /// answers. Calls to other services are not: leave them out, or say there that they are none in earnest.
    pub fn is_rehearsal(&self) -> bool {
        self.transaction.is_rehearsal()
    }

    /// The idempotency key for calls elsewhere. It is the same in every attempt of this handler at this delivery, over
    /// restarts and replays. No other handler or delivery has the same key. 32 hexadecimal digits.
    ///
    /// In a rehearsal it is another one, which begins with `rehearsal-`. It is the same in every rehearsal of this
    /// handler on this delivery.
    pub fn key(&self) -> &str {
        self.key
    }
}

impl<B: Backend> fmt::Debug for Context<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("attempt", &self.attempt)
            .field("key", &self.key)
            .field("is_rehearsal", &self.is_rehearsal())
            .finish_non_exhaustive()
    }
}
