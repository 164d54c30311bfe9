use std::future::{Future, pending, ready};
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncConnection;
use diesel_async::pooled_connection::PoolableConnection;

pub use crate::engine::open::Open;
use crate::{
    ClaimRequest, Claimed, FilesChanged, Left, Line, NewDelivery, NotCommitted, OpenError, Operations, OwedHook,
    Recorded, Rescue, Settlement, Ticket, Timestamp,
};

/// A database that deliveries can be kept in: the domain's verbs, each with that database's best SQL.
///
/// Sealed: `Sqlite` and `Postgres` are all there is. The behaviour of the verbs is one suite of tests that both pass.
///
/// # Errors
///
/// Where a verb says nothing else: those of the database.
///
/// # Time
///
/// Verbs that depend on the time take `now`, the caller's clock. A backend with a clock of its own ignores it.
///
/// # Cancellation
///
/// Do not drop a future of these half-way: a statement that has begun goes on, and the connection
/// is only fit to be closed. Give it a task of its own and time out the wait.
pub trait Backend: Operations<<Self as Backend>::Connection> {
    /// An asynchronous Diesel connection to this database.
    type Connection: AsyncConnection + PoolableConnection + Send + 'static;

    /// What connections stand on, where that can be taken away under them.
    type DatabaseFiles: Send + Sync + 'static;

    /// What this database is called in messages.
    const NAME: &'static str;

    /// Whether a second writer would only wait for the first: then writers of one process queue up fairly
    /// before they ask the database.
    const SINGLE_WRITER: bool;

    /// The URL under which every connection means the same database, where `url` would give each its own.
    fn shared_url(url: &str) -> String;

    /// Opens a connection with the settings that the promises rest on.
    ///
    /// # Errors
    ///
    /// When `url` is not for this database, or the database cannot be reached.
    fn open(url: &str, open: Open) -> impl Future<Output = Result<Self::Connection, OpenError>> + Send;

    /// Whether a connection can be used that has rested for so long. A server, or what stands in between, may have closed it
    /// without a word.
    fn lives(connection: &mut Self::Connection, rest: Duration) -> impl Future<Output = bool> + Send {
        let _ = (connection, rest);
        ready(true)
    }

    /// Says that the calling thread may block in calls on connections of the [pool](Open::Existing): nothing else waits for
    /// it. Where calls do not block, it changes nothing.
    fn let_thread_block() {}

    /// Takes hold of what every connection to this database stands on, and keeps it for as long as it lives.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    fn files(url: &str) -> impl Future<Output = Result<Self::DatabaseFiles, OpenError>> + Send;

    /// What has become of it, if a commit would not be where the next process looks for it. Cheap: it is asked before
    /// every answer.
    fn files_changed(files: &Self::DatabaseFiles) -> Option<FilesChanged>;

    /// Waits until what was committed before is on the disk: what a verb has written on a connection that was opened
    /// [for verbs](Open::ForVerbs) is durable only then. Others may write meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the disk. Then nobody knows what is on it until the WAL is [persisted](Self::persist_wal).
    ///
    /// # Cancellation
    ///
    /// Changes nothing: the sync goes on.
    fn sync_wal(files: &Self::DatabaseFiles) -> impl Future<Output = QueryResult<()>> + Send;

    /// What an operator should know of before it does harm, though what is committed now is where it belongs.
    fn warning(files: &Self::DatabaseFiles) -> Option<&'static str> {
        let _ = files;
        None
    }

    /// Makes sure that all of a log is on the disk, whoever reads meanwhile.
    ///
    /// After a sync has failed nobody knows how much of it is, and what is written behind a gap is lost at a power cut.
    fn persist_wal(files: &Self::DatabaseFiles) -> impl Future<Output = QueryResult<()>> + Send;

    /// Moves what stands in a log into the database itself, without waiting for anybody: a log that was deleted is gone
    /// with the last connection. `false` where somebody still reads it.
    fn checkpoint(files: &Self::DatabaseFiles) -> impl Future<Output = QueryResult<bool>> + Send;

    /// The same for a log that has grown long.
    fn checkpoint_if_long(files: &Self::DatabaseFiles) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Commits something that changes nothing: whether a database that was in trouble takes a commit again.
    fn prove(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<()>> + Send;

    /// Looks for anything that would break the first promise: a version with a known defect, a store that forgets.
    ///
    /// # Errors
    ///
    /// The first such thing, with its remedy.
    fn inspect(
        connection: &mut Self::Connection,
        allow_ephemeral: bool,
    ) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// Runs the migrations that are still to run: on SQLite all or none; on Postgres step by step, beside processes that
    /// record and handle meanwhile. Safe when several processes do it at once.
    ///
    /// # Errors
    ///
    /// When one cannot be run; then the database is as it was, on Postgres before the step that failed.
    fn migrate(connection: &mut Self::Connection) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// The names of the migrations that are still to run.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    fn pending_migrations(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<Vec<String>, OpenError>> + Send;

    /// Sees to it that no id is given out twice, nor one that deliveries are filed under: a restore may have brought back
    /// the rows, and not what counts them.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked, or what counts is behind and cannot be set.
    fn mend_ids(connection: &mut Self::Connection) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// Records a batch in one transaction, as if each member were recorded alone, in order. Work is made for each handler
    /// that is [attached](Operations::attach), by whichever process, and not retired.
    ///
    /// `None` for each member that was set aside: it needs what somebody else has locked, and can be tried again. All of
    /// one result are set aside together, or none.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing is recorded.
    fn record(
        connection: &mut Self::Connection,
        batch: Arc<Vec<NewDelivery>>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<Option<Recorded>>>> + Send;

    /// Records a delivery, with all that the database checks, and takes it back: whether deliveries are taken.
    ///
    /// # Errors
    ///
    /// Those of the database; then none are.
    fn rehearse(
        connection: &mut Self::Connection,
        delivery: NewDelivery,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<()>> + Send;

    /// Claims deliveries for a handler: those that are due and the first of their line.
    ///
    /// On SQLite it waits for no disk: whoever held what a power cut takes is gone with it. A Postgres server can crash
    /// under a worker that lives on, and its claim must outlive that, or another worker would run the same line beside it.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing is claimed.
    fn claim(
        connection: &mut Self::Connection,
        request: ClaimRequest,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Claimed>> + Send;

    /// Opens a transaction for a handler; its first statement is the fence, which also sets the "done" mark.
    ///
    /// `false` when the ticket is stale: then no transaction is open. A server ends a transaction in which nothing has
    /// happened for as long as the lease: whoever opened it may be frozen, and its work waits behind it.
    ///
    /// # Errors
    ///
    /// Those of the database; then no transaction is open, or the connection is fit to be closed. Where its server is a
    /// standby, the error is one of those that [`is_read_only`](crate::is_read_only) knows.
    fn begin(
        connection: &mut Self::Connection,
        ticket: Ticket,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Commits what [`begin`](Self::begin) or [`begin_erasure`](Operations::begin_erasure) opened, and promotes within the line, if
    /// it names one. It is truly committed, whatever a handler has done on the connection meanwhile, or it is an error.
    ///
    /// It waits for no disk. What a power cut takes it takes whole, mark and effect, and the work is done again.
    ///
    /// # Errors
    ///
    /// When it was not committed, or nobody knows; then the connection is fit to be closed.
    fn commit(
        connection: &mut Self::Connection,
        line: Option<Line>,
    ) -> impl Future<Output = Result<Left, NotCommitted>> + Send;

    /// Rolls back what [`begin`](Self::begin) opened.
    ///
    /// # Errors
    ///
    /// Those of the database, and where a transaction within it is open still; then the connection is fit to be closed.
    fn rollback(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<Left>> + Send;

    /// Settles an attempt. `false` when the ticket is stale: then nothing was changed.
    ///
    /// It waits for no disk: what a power cut takes of it is done again.
    ///
    /// A retry after the last attempt is a discard.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn settle(
        connection: &mut Self::Connection,
        ticket: Ticket,
        settlement: Settlement,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Renews the leases of `held`, then rescues every lapsed one. Gives back the tickets that were stale.
    ///
    /// In that order and in one transaction, so that a process that could not write for a while does not lose
    /// its own leases to itself. A delivery whose last attempt was lost is discarded: it may be what kills the process.
    /// What is lost for the first time waits again at once; what was lost before is rescued one at a time, so that what
    /// kills the process does not take its neighbours' attempts with it.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn renew_and_rescue(
        connection: &mut Self::Connection,
        held: Vec<Ticket>,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Rescue>> + Send;

    /// Takes the hook `discarded` that a handler has been owed for longest, for `lease`: nobody else takes it meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn take_hook(
        connection: &mut Self::Connection,
        handler: Arc<str>,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Option<OwedHook>>> + Send;

    /// Settles a hook that was taken: it is owed again after `pause`, or not any more. `false` when it was taken again, or the
    /// work replayed or erased, since: then nothing was changed.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn settle_hook(
        connection: &mut Self::Connection,
        owed: OwedHook,
        pause: Option<Duration>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Lines whose first is still to be promoted: none, but where a process died or a program broke the rule.
    fn lines_without_first(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<Vec<Line>>> + Send;

    /// Promotes within each of these lines: its earliest unfinished row is the first, unless one of it runs. In how many
    /// lines a row was promoted.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn promote(connection: &mut Self::Connection, lines: Vec<Line>) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Leases and pauses that were measured from a moment to come, by delivery and handler: the clock was put back since.
    fn overlong_waits(
        connection: &mut Self::Connection,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<(i64, String)>>> + Send;

    /// Cuts such waits: each lasts from now on for as long as it was meant to. How many were cut.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn cut_waits(
        connection: &mut Self::Connection,
        waits: Vec<(i64, String)>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Whether the processes on the database at this URL can tell each other of work. An optimisation: where they
    /// cannot, work that others made is found by looking for it.
    fn can_notify(url: &str) -> bool {
        let _ = url;
        false
    }

    /// Opens a connection that is [notified](Self::notified), and on which to [notify](Self::notify).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    fn listen(url: &str) -> impl Future<Output = Result<Self::Connection, OpenError>> + Send {
        Self::open(url, Open::Existing)
    }

    /// Tells every process that listens that there is work, this one too. `from` says who told.
    fn notify(connection: &mut Self::Connection, from: &str) -> impl Future<Output = QueryResult<()>> + Send {
        let _ = (connection, from);
        ready(Ok(()))
    }

    /// Waits until somebody tells, and says who. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// When nothing can be heard on this connection any more. A silent network is no error: [notify](Self::notify) to see.
    fn notified(connection: &mut Self::Connection) -> impl Future<Output = QueryResult<String>> + Send {
        let _ = connection;
        pending()
    }
}
