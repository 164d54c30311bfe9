use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncConnection;
use diesel_async::pooled_connection::PoolableConnection;

pub use crate::engine::files::OpenFiles;
pub use crate::engine::notify::Notify;
pub use crate::engine::open::Open;
use crate::{
    ClaimRequest, Claimed, Left, Line, NewDelivery, NotCommitted, OpenError, Operations, OwedHook, Recorded, Rescue,
    Settlement, Ticket, Timestamp,
};

/// A database that keeps deliveries: the domain's verbs, each with the database's best SQL.
///
/// Sealed: `Sqlite` and `Postgres` are the only backends. One suite of tests holds the behaviour of the verbs, and both
/// pass it.
///
/// # Errors
///
/// The database's errors, unless a verb says otherwise.
///
/// # Time
///
/// Verbs that depend on the time take `now`, the caller's clock. A backend with a clock of its own ignores it.
///
/// # Cancellation
///
/// Do not drop a verb's future half-way: a statement that has begun goes on, and the connection is only fit to be
/// closed. Give the verb a task of its own and time out the wait.
pub trait Backend: Operations<<Self as Backend>::Connection> {
    /// An asynchronous Diesel connection to this database.
    type Connection: AsyncConnection + PoolableConnection + Send + 'static;

    /// The files of an embedded database. A server's files are out of reach, so its type has no value.
    type Files: OpenFiles;

    /// The means by which processes notify each other of work. A database without any has a type without a value.
    type Notifier: Notify;

    /// The database's name in messages.
    const NAME: &'static str;

    /// Whether a second writer would only wait for the first: then writers of one process queue up fairly
    /// before they ask the database.
    const SINGLE_WRITER: bool;

    /// The URL under which every connection opens the same database, where `url` would give each connection its own.
    fn shared_url(url: &str) -> String;

    /// Opens a connection with the settings that the promises rest on.
    ///
    /// # Errors
    ///
    /// When `url` is not for this database, or the database cannot be reached.
    fn open(url: &str, open: Open) -> impl Future<Output = Result<Self::Connection, OpenError>> + Send;

    /// Whether a connection is usable after a rest of this length. The server, or the network in between, may have
    /// closed it without a word.
    fn lives(connection: &mut Self::Connection, rest: Duration) -> impl Future<Output = bool> + Send {
        let _ = (connection, rest);
        ready(true)
    }

    /// Says that the calling thread may block in calls on connections of the [pool](Open::Existing): nothing else waits
    /// for the thread. Where calls do not block, it changes nothing.
    fn let_thread_block() {}

    /// Opens the database's files, and keeps them open for as long as the returned value lives. `None` where a server
    /// has them.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    fn open_files(url: &str) -> impl Future<Output = Result<Option<Self::Files>, OpenError>> + Send;

    /// Commits a transaction that changes nothing: whether a database that was in trouble takes commits again.
    fn prove(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<()>> + Send;

    /// Looks for anything that would break the first promise: a version with a known defect, a store that forgets.
    ///
    /// # Errors
    ///
    /// The first such defect, with its remedy.
    fn inspect(
        connection: &mut Self::Connection,
        allow_ephemeral: bool,
    ) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// Runs the pending migrations: on SQLite all or none; on Postgres step by step, beside processes that record and
    /// handle meanwhile. Several processes may run it at once.
    ///
    /// # Errors
    ///
    /// When a migration cannot be run; then the database is as it was, on Postgres as it was before the step that
    /// failed.
    fn migrate(connection: &mut Self::Connection) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// The names of the pending migrations.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    fn pending_migrations(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<Vec<String>, OpenError>> + Send;

    /// Makes sure that no id is given out twice, nor an id that deliveries are filed under. A restore may have brought
    /// back the rows without their counter.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked, or the counter is behind and cannot be set.
    fn mend_ids(connection: &mut Self::Connection) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// Records a batch in one transaction, as if each member were recorded alone, in order. Each handler that any
    /// process has [attached](Operations::attach) gets work, unless it is retired.
    ///
    /// `None` for each member that was set aside: it needs a lock of another transaction, and can be tried again. All
    /// members of one result are set aside together, or none.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing is recorded.
    fn record(
        connection: &mut Self::Connection,
        batch: Arc<Vec<NewDelivery>>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<Option<Recorded>>>> + Send;

    /// Records a delivery, with every check of the database, and rolls it back: whether the database takes deliveries.
    ///
    /// # Errors
    ///
    /// The database's errors; then it takes none.
    fn rehearse(
        connection: &mut Self::Connection,
        delivery: NewDelivery,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<()>> + Send;

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
        connection: &mut Self::Connection,
        request: ClaimRequest,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Claimed>> + Send;

    /// Opens a transaction for a handler; its first statement is the fence, which also sets the "done" mark.
    ///
    /// `false` when the ticket is stale: then no transaction is open. A server ends a transaction that stands still for
    /// as long as the lease: the process behind it may be frozen, and work waits.
    ///
    /// # Errors
    ///
    /// The database's errors; then no transaction is open, or the connection is only fit to be closed. Where the server
    /// is a standby, [`is_read_only`](crate::is_read_only) knows the error.
    fn begin(
        connection: &mut Self::Connection,
        ticket: Ticket,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Commits the transaction that [`begin`](Self::begin) or [`begin_erasure`](Operations::begin_erasure) opened, and
    /// promotes within the line, if one is named. `Ok` means truly committed, despite anything that a handler has done
    /// on the connection meanwhile.
    ///
    /// It does not wait for fsync. A power cut takes the transaction whole, mark and effect, and the work is done
    /// again.
    ///
    /// # Errors
    ///
    /// When the transaction was not committed, or nobody knows; then the connection is only fit to be closed.
    fn commit(
        connection: &mut Self::Connection,
        line: Option<Line>,
    ) -> impl Future<Output = Result<Left, NotCommitted>> + Send;

    /// Rolls back the transaction that [`begin`](Self::begin) opened.
    ///
    /// # Errors
    ///
    /// The database's errors, and an inner transaction that is still open; then the connection is only fit to be
    /// closed.
    fn rollback(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<Left>> + Send;

    /// Settles an attempt. `false` when the ticket is stale: then nothing was changed.
    ///
    /// It does not wait for fsync: a settlement that a power cut takes is made again.
    ///
    /// A retry after the last attempt is a discard.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn settle(
        connection: &mut Self::Connection,
        ticket: Ticket,
        settlement: Settlement,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

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
        connection: &mut Self::Connection,
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
        connection: &mut Self::Connection,
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
        connection: &mut Self::Connection,
        owed: OwedHook,
        pause: Option<Duration>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Lines whose first is still to be promoted. There are none, unless a process died or a program broke the rule.
    fn lines_without_first(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<Vec<Line>>> + Send;

    /// Promotes within each of these lines: the earliest unfinished row becomes the first, unless a row of the line
    /// runs. Gives back the number of lines in which a row was promoted.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn promote(connection: &mut Self::Connection, lines: Vec<Line>) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Leases and pauses measured from a moment in the future, by delivery and handler: the clock was put back since.
    fn overlong_waits(
        connection: &mut Self::Connection,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<(i64, String)>>> + Send;

    /// Cuts such waits: each lasts its meant length, from now on. Gives back the number of cut waits.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn cut_waits(
        connection: &mut Self::Connection,
        waits: Vec<(i64, String)>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Opens a connection on which to notify other processes of work. `None` where the processes on this database cannot
    /// notify each other: they find each other's work by polling.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    fn open_notifier(url: &str) -> impl Future<Output = Result<Option<Self::Notifier>, OpenError>> + Send;
}
