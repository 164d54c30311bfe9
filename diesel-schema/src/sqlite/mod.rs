//! SQLite: one file, one writer at a time, each verb one hop to a blocking thread.

mod caller;
mod claim;
mod connection;
mod file;
mod footing;
mod line;
mod log;
pub(crate) mod migrations;
mod mounts;
mod record;
mod rescue;
mod run;
mod scrub;
mod session;
mod statement;
mod sync;
#[cfg(test)]
mod tests;
mod uncached;
#[cfg_attr(feature = "postgres", expect(clippy::duplicate_mod, reason = "each backend has it with its own connection"))]
#[path = "../verbs/mod.rs"]
mod verbs;
mod wal;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, Connection as _, SimpleConnection as _, TransactionManager};
use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures_util::FutureExt as _;

use self::caller::Caller;
use self::footing::Footing;
use self::line::{keep_delivery, lock_idle, promote};
use self::run::RunQueryDsl;
use self::session::Session;
use crate::backend::{Backend, Open};
use crate::fault::trouble;
use crate::{
    Adrift, Backlog, Bodies, ClaimRequest, Claimed, DeliveryRow, ErasedRows, HandlerSpec, KnownHandler, Left, Line,
    Name, NewAudit, NewDelivery, NotCommitted, OpenError, Page, PruneStep, Recorded, Requeue, Requeued, Rescue,
    Selection, Settlement, StoredBody, StoredState, Ticket, Undone, Utc,
};

/// SQLite in the host's own process: the embedded default.
///
/// Every write transaction begins `IMMEDIATE`, so none fails half-way because somebody else wrote.
#[derive(Debug, Clone, Copy)]
pub enum Sqlite {}

/// What the verbs run on.
type Connection = SqliteConnection;

/// Diesel's name for this database.
type Db = diesel::sqlite::Sqlite;

/// What a host's handler is handed. Our own verbs run on the connection within, in one hop.
type Wrapper = SyncConnectionWrapper<Session, Caller>;

impl Backend for Sqlite {
    type Connection = Wrapper;
    type Footing = Footing;

    const NAME: &'static str = "SQLite";
    const SINGLE_WRITER: bool = true;

    fn shared_url(url: &str) -> String {
        connection::shared_url(url)
    }

    async fn open(url: &str, open: Open) -> Result<Wrapper, OpenError> {
        connection::open(url, open).await
    }

    fn let_thread_block() {
        caller::let_thread_block();
    }

    async fn footing(url: &str) -> Result<Footing, OpenError> {
        Footing::under(url, connection::open(url, Open::Existing).await?).await
    }

    fn adrift(footing: &Footing) -> Option<Adrift> {
        footing.adrift()
    }

    fn warning(footing: &Footing) -> Option<&'static str> {
        footing.warning()
    }

    async fn sync_log(footing: &Footing) -> QueryResult<()> {
        footing.sync_log().await
    }

    async fn settle_log(footing: &Footing) -> QueryResult<()> {
        footing.settle_log().await
    }

    async fn save_log(footing: &Footing) -> QueryResult<bool> {
        footing.save_log().await
    }

    async fn shorten_log(footing: &Footing) -> QueryResult<bool> {
        footing.shorten_log().await
    }

    async fn prove(connection: &mut Wrapper) -> QueryResult<()> {
        write(connection, |c| at_once(verbs::prove(c))).await
    }

    async fn inspect(connection: &mut Wrapper, allow_ephemeral: bool) -> Result<(), OpenError> {
        connection::inspect(connection, allow_ephemeral).await
    }

    async fn migrate(connection: &mut Wrapper) -> Result<(), OpenError> {
        migrations::run(connection).await
    }

    async fn mend_ids(connection: &mut Wrapper) -> Result<(), OpenError> {
        let mended = connection.spawn_blocking(|c| record::mend_ids(c)).await;
        mended.map_err(|error| OpenError::because("the ids of the SQLite file cannot be compared with its rows", error))
    }

    async fn pending_migrations(connection: &mut Wrapper) -> Result<Vec<String>, OpenError> {
        migrations::pending(connection).await
    }

    async fn record(
        connection: &mut Wrapper,
        batch: Arc<Vec<NewDelivery>>,
        now: Utc,
    ) -> QueryResult<Vec<Option<Recorded>>> {
        write(connection, move |c| at_once(record::record(c, &batch, now))).await
    }

    async fn rehearse(connection: &mut Wrapper, delivery: NewDelivery, now: Utc) -> QueryResult<()> {
        let rehearsed = write(connection, move |c| {
            at_once(record::record(c, &[delivery], now))?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        match rehearsed.await {
            Err(Error::RollbackTransaction) => Ok(()),
            outcome => outcome,
        }
    }

    async fn claim(connection: &mut Wrapper, request: ClaimRequest, now: Utc) -> QueryResult<Claimed> {
        write(connection, move |c| claim::claim(c, &request, now)).await
    }

    async fn begin(connection: &mut Wrapper, ticket: Ticket, _: Duration, now: Utc) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| begin(c, &ticket, now)).await
    }

    async fn commit(connection: &mut Wrapper, _: Option<Line>) -> Result<Left, NotCommitted> {
        // The next of the line was promoted with the fence: nobody could record meanwhile.
        connection.spawn_blocking(|session| Ok(commit(session))).await.map_err(NotCommitted::Unknown)?
    }

    async fn rollback(connection: &mut Wrapper) -> QueryResult<Left> {
        connection.spawn_blocking(rollback).await
    }

    async fn settle(connection: &mut Wrapper, ticket: Ticket, settlement: Settlement, now: Utc) -> QueryResult<bool> {
        write(connection, move |c| at_once(verbs::settle(c, &ticket, &settlement, now))).await
    }

    async fn renew_and_rescue(
        connection: &mut Wrapper,
        held: Vec<Ticket>,
        lease: Duration,
        now: Utc,
    ) -> QueryResult<Rescue> {
        write(connection, move |c| at_once(rescue::renew_and_rescue(c, held, lease, now))).await
    }

    async fn lines_without_first(connection: &mut Wrapper) -> QueryResult<Vec<Line>> {
        connection.spawn_blocking(|c| at_once(verbs::lines_without_first(c))).await
    }

    async fn promote(connection: &mut Wrapper, lines: Vec<Line>) -> QueryResult<u64> {
        write(connection, move |c| at_once(verbs::promote_lines(c, &lines))).await
    }

    async fn page(connection: &mut Wrapper, selection: Selection, limit: i64) -> QueryResult<Page> {
        connection.spawn_blocking(move |c| c.transaction(|c| at_once(verbs::page(c, &selection, limit)))).await
    }

    async fn delivery(connection: &mut Wrapper, id: i64) -> QueryResult<Option<DeliveryRow>> {
        connection.spawn_blocking(move |c| at_once(verbs::delivery(c, id))).await
    }

    async fn is_known(connection: &mut Wrapper, name: Name) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| at_once(verbs::is_known(c, &name))).await
    }

    async fn requeue(connection: &mut Wrapper, items: Vec<Requeue>, audit_id: i64) -> QueryResult<Requeued> {
        write(connection, move |c| at_once(verbs::requeue(c, &items, audit_id))).await
    }

    async fn admit(
        connection: &mut Wrapper,
        delivery_id: i64,
        delivery: NewDelivery,
        handler: Option<String>,
        now: Utc,
    ) -> QueryResult<Option<Recorded>> {
        write(connection, move |c| at_once(verbs::admit(c, delivery_id, &delivery, handler.as_deref(), now))).await
    }

    async fn discard(connection: &mut Wrapper, pairs: Vec<(i64, Line)>, audit_id: i64, now: Utc) -> QueryResult<u64> {
        write(connection, move |c| at_once(verbs::discard(c, &pairs, audit_id, now))).await
    }

    async fn prune_bodies(connection: &mut Wrapper, before: Utc, limit: i64) -> QueryResult<u64> {
        write(connection, move |c| at_once(verbs::prune_bodies(c, before, limit))).await
    }

    async fn prune_deliveries(
        connection: &mut Wrapper,
        before: Utc,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<PruneStep> {
        write(connection, move |c| at_once(verbs::prune_deliveries(c, before, after_id, limit))).await
    }

    async fn bodies(
        connection: &mut Wrapper,
        which: Bodies,
        after_id: i64,
        max_bytes: i64,
    ) -> QueryResult<Vec<StoredBody>> {
        connection.spawn_blocking(move |c| at_once(verbs::bodies(c, which, after_id, max_bytes))).await
    }

    async fn states(connection: &mut Wrapper, after_id: i64, max_bytes: i64) -> QueryResult<Vec<StoredState>> {
        connection.spawn_blocking(move |c| at_once(verbs::states(c, after_id, max_bytes))).await
    }

    async fn count_erasure(connection: &mut Wrapper, endpoint: String, id: String) -> QueryResult<ErasedRows> {
        connection.spawn_blocking(move |c| at_once(verbs::count_erasure(c, &endpoint, &id))).await
    }

    async fn begin_erasure(
        connection: &mut Wrapper,
        endpoint: String,
        id: String,
        now: Utc,
    ) -> QueryResult<ErasedRows> {
        connection.spawn_blocking(move |c| begin_erasure(c, &endpoint, &id, now)).await
    }

    async fn erase_body(connection: &mut Wrapper, delivery_id: i64) -> QueryResult<ErasedRows> {
        write(connection, move |c| at_once(verbs::erase_body(c, delivery_id))).await
    }

    async fn scrub(connection: &mut Wrapper) -> QueryResult<Vec<Undone>> {
        connection.spawn_blocking(|c| scrub::scrub(c)).await
    }

    async fn begin_audit(connection: &mut Wrapper, audit: NewAudit, now: Utc) -> QueryResult<i64> {
        write(connection, move |c| at_once(verbs::begin_audit(c, &audit, now))).await
    }

    async fn finish_audit(connection: &mut Wrapper, audit_id: i64, affected: u64) -> QueryResult<()> {
        write(connection, move |c| at_once(verbs::finish_audit(c, audit_id, affected))).await
    }

    async fn backlog(connection: &mut Wrapper) -> QueryResult<Backlog> {
        connection.spawn_blocking(|c| c.transaction(|c| at_once(verbs::backlog(c, Utc::now())))).await
    }

    async fn attach(connection: &mut Wrapper, specs: Arc<Vec<HandlerSpec>>, now: Utc) -> QueryResult<bool> {
        write(connection, move |c| {
            if at_once(verbs::is_attached(c, &specs, now))? {
                return Ok(true);
            }
            let Some(last_id) = at_once(verbs::attach(c, &specs, now))? else { return Ok(true) };
            at_once(verbs::catch_up(c, &specs, last_id)).map(|()| false)
        })
        .await
    }

    async fn note_attached(connection: &mut Wrapper, names: Vec<String>, now: Utc) -> QueryResult<Vec<String>> {
        write(connection, move |c| at_once(verbs::note_attached(c, &names, now))).await
    }

    async fn known_handlers(connection: &mut Wrapper) -> QueryResult<Vec<KnownHandler>> {
        connection.spawn_blocking(|c| c.transaction(|c| at_once(verbs::known_handlers(c, Utc::now())))).await
    }

    async fn retire(connection: &mut Wrapper, handler: String, now: Utc) -> QueryResult<bool> {
        write(connection, move |c| at_once(verbs::retire(c, &handler, now))).await
    }

    async fn discard_unattended(
        connection: &mut Wrapper,
        before: Option<Utc>,
        audit_id: Option<i64>,
        now: Utc,
    ) -> QueryResult<u64> {
        write(connection, move |c| at_once(verbs::discard_unattended(c, before, audit_id, now))).await
    }
}

/// The outcome of a verb that asks this database alone: there is nothing to wait for.
fn at_once<R>(verb: impl Future<Output = R>) -> R {
    verb.now_or_never().expect("SQLite answers within the call")
}

/// Runs `verb` in one immediate transaction, in one hop.
async fn write<R: Send + 'static>(
    connection: &mut Wrapper,
    verb: impl FnOnce(&mut SqliteConnection) -> QueryResult<R> + Send + 'static,
) -> QueryResult<R> {
    connection.spawn_blocking(move |c| c.immediate_transaction(verb)).await
}

type Transactions = AnsiTransactionManager;

/// In WAL mode a commit without it may be lost in a power cut, but never in part, nor before one that was made earlier:
/// the next sync of the log, whoever's it is, makes all before it durable. <https://www.sqlite.org/pragma.html#pragma_synchronous>
const WITHOUT_FSYNC: &str = "PRAGMA synchronous = NORMAL";

/// What the host's own writes on this connection rely on.
const WITH_FSYNC: &str = "PRAGMA synchronous = FULL";

fn begin(session: &mut Session, ticket: &Ticket, now: Utc) -> QueryResult<bool> {
    session.batch_execute(WITHOUT_FSYNC)?;
    Transactions::begin_transaction_sql(session, "BEGIN IMMEDIATE")?;
    match at_once(verbs::settle(session, ticket, &Settlement::Complete, now)) {
        Ok(true) => {
            session.lend();
            Ok(true)
        }
        Ok(false) => rollback(session).map(|_| false),
        Err(error) => {
            let _ = rollback(session)?;
            Err(error)
        }
    }
}

fn begin_erasure(session: &mut Session, endpoint: &str, id: &str, now: Utc) -> QueryResult<ErasedRows> {
    Transactions::begin_transaction_sql(session, "BEGIN IMMEDIATE")?;
    match at_once(verbs::erase_result(session, endpoint, id, now)) {
        Ok(erased) => {
            session.lend();
            Ok(erased)
        }
        Err(error) => {
            let _ = rollback(session)?;
            Err(error)
        }
    }
}

fn commit(session: &mut Session) -> Result<Left, NotCommitted> {
    if !session.take_back() {
        return Err(NotCommitted::Aborted);
    }
    if !is_outermost(session) {
        return Err(NotCommitted::Unfinished);
    }
    let committed = Transactions::commit_transaction(session).and_then(|()| session.batch_execute(WITH_FSYNC));
    match committed {
        Ok(()) => Ok(left(session)),
        Err(error) if trouble(&error).is_some() => Err(NotCommitted::Unknown(error)),
        Err(error) => Err(NotCommitted::Refused(error)),
    }
}

fn rollback(session: &mut Session) -> QueryResult<Left> {
    // Diesel would roll back to a savepoint that is open still. Closing the connection rolls back all.
    if !session.take_back() || !is_outermost(session) {
        return Err(Error::BrokenTransactionManager);
    }
    Transactions::rollback_transaction(session)?;
    session.batch_execute(WITH_FSYNC)?;
    Ok(left(session))
}

/// Whether no transaction within the handler's is open.
fn is_outermost(session: &mut Session) -> bool {
    let status = <Transactions as TransactionManager<Session>>::transaction_manager_status_mut(session);
    matches!(status.transaction_depth(), Ok(Some(depth)) if depth == NonZeroU32::MIN)
}

fn left(session: &Session) -> Left {
    if session.is_altered() { Left::Traces } else { Left::Nothing }
}
