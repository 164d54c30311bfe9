use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;

use crate::{ClaimRequest, Claimed, Left, Line, NotCommitted, OwedHook, Rescue, Settlement, State, Ticket, Timestamp};

/// The part of a [`Backend`](crate::Backend) for the dispatcher: the queue of work, the leases on it, and handlers'
/// transactions. `C` is the backend's connection.
pub trait WorkQueue<C> {
    /// Claims deliveries for a handler: deliveries that are due, each the first of its line.
    ///
    /// On SQLite a claim does not wait for fsync: a power cut that takes the claim takes its worker too. A Postgres
    /// server can crash under a worker that lives on. The claim must outlive the crash, or another worker would run the
    /// same line beside it.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing is claimed.
    fn claim(
        connection: &mut C,
        request: ClaimRequest,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Claimed>> + Send;

    /// Opens a transaction for a handler; its first statement is the fence, which also sets the "done" mark. A success
    /// after a failure gets its row in `mojito_attempts` next.
    ///
    /// `false` when the ticket is stale: then no transaction is open. A server ends a transaction that stands still for
    /// as long as the lease: the process behind it may be frozen, and work waits.
    ///
    /// # Errors
    ///
    /// The database's errors; then no transaction is open, or the connection is only fit to be closed. Where the server
    /// is a standby, [`is_read_only`](crate::is_read_only) knows the error.
    fn begin(
        connection: &mut C,
        ticket: Ticket,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Commits the transaction that [`begin`](Self::begin) or [`begin_erasure`](crate::Operations::begin_erasure) opened,
    /// and promotes within the line, if one is named. `Ok` means truly committed, despite anything that a handler has
    /// done on the connection meanwhile.
    ///
    /// It does not wait for fsync. A power cut takes the transaction whole, mark and effect, and the work is done
    /// again.
    ///
    /// # Errors
    ///
    /// When the transaction was not committed, or nobody knows; then the connection is only fit to be closed.
    fn commit(connection: &mut C, line: Option<Line>) -> impl Future<Output = Result<Left, NotCommitted>> + Send;

    /// Rolls back the transaction that [`begin`](Self::begin) opened.
    ///
    /// # Errors
    ///
    /// The database's errors, and an inner transaction that is still open; then the connection is only fit to be
    /// closed.
    fn rollback(connection: &mut C) -> impl Future<Output = QueryResult<Left>> + Send;

    /// Settles an attempt. Gives back the state that the work is in now; `None` when the ticket is stale: then nothing was
    /// changed.
    ///
    /// It does not wait for fsync: a settlement that a power cut takes is made again.
    ///
    /// A retry after the last attempt is a discard. Work that did not succeed and was overtaken is skipped. An attempt that did not simply succeed at once gets its row in
    /// `mojito_attempts`, in the same transaction.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn settle(
        connection: &mut C,
        ticket: Ticket,
        settlement: Settlement,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Option<State>>> + Send;

    /// Renews the leases of `held`, then rescues every lapsed lease. Gives back the stale tickets.
    ///
    /// One transaction in this order keeps a process that could not write for a while from losing its own leases to
    /// itself. A delivery whose last attempt was lost is discarded: it may be the delivery that kills the process. Work
    /// lost for the first time waits again at once. Work lost before is rescued one at a time, so that a delivery that
    /// kills the process does not take its neighbours' attempts with it.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn renew_and_rescue(
        connection: &mut C,
        held: Vec<Ticket>,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Rescue>> + Send;

    /// Takes the hook `discarded` that a handler has been owed for longest, for `lease`: nobody else takes it
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn take_hook(
        connection: &mut C,
        handler: Arc<str>,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Option<OwedHook>>> + Send;

    /// Settles a taken hook: it is owed again after `pause`, or not any more. `false` when the hook was taken again
    /// since, or its work was replayed or erased: then nothing was changed.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn settle_hook(
        connection: &mut C,
        owed: OwedHook,
        pause: Option<Duration>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Lines whose first is still to be promoted. There are none, unless a process died or a program broke the rule.
    fn lines_without_first(connection: &mut C) -> impl Future<Output = QueryResult<Vec<Line>>> + Send;

    /// Promotes within each of these lines: the earliest unfinished row becomes the first, unless a row of the line
    /// runs. Gives back the number of lines in which a row was promoted.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn promote(connection: &mut C, lines: Vec<Line>) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Leases and pauses measured from a moment in the future, by delivery and handler: the clock was put back since.
    fn overlong_waits(
        connection: &mut C,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<(i64, String)>>> + Send;

    /// Cuts such waits: each lasts its meant length, from now on. Gives back the number of cut waits.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn cut_waits(
        connection: &mut C,
        waits: Vec<(i64, String)>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<u64>> + Send;
}
