//! SQLite: one file, one writer at a time. A verb is one hop to a blocking thread; a handler's transaction runs in
//! place.

mod checkpoint;
mod claim;
mod connection;
mod dsl;
mod facts;
mod file;
mod files;
mod hook;
mod line;
mod lookup;
pub(crate) mod migrations;
mod mounts;
mod opening;
mod operations;
mod record;
mod rehearsal;
mod rescue;
mod scrub;
mod session;
#[cfg_attr(feature = "postgres", expect(clippy::duplicate_mod, reason = "each backend has it with its own connection"))]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(feature = "postgres")]
pub(crate) mod source;
mod spawn;
mod statement;
mod sync_turns;
mod testing;
#[cfg(test)]
mod tests;
mod uncached;
mod wal;
mod wal_sync;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager};
use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures_util::FutureExt as _;

use self::dsl::RunQueryDsl;
use self::line::{keep_delivery, lock_deliveries, lock_idle, lock_wait, promote, skip_overtaken};
use self::session::Session;
use self::spawn::Spawner;
use crate::engine::db_error::trouble;
use crate::{
    Backend, ClaimRequest, Claimed, ErasedRows, Left, Line, NewDelivery, NotCommitted, OwedHook, Preview, Recorded,
    Recording, Rehearsing, Rescue, RolledBack, Settlement, State, Ticket, Timestamp, WorkQueue,
};

/// SQLite in the host's own process: the embedded default.
///
/// Every write transaction begins `IMMEDIATE`, so none fails half-way because somebody else wrote.
#[derive(Debug, Clone, Copy)]
pub enum Sqlite {}

/// The connection that the verbs run on.
type Connection = SqliteConnection;

/// Diesel's name for this database.
type Db = diesel::sqlite::Sqlite;

/// The connection that a host's handler is handed. Our own verbs run on the Diesel connection within it, in one call.
type Wrapper = SyncConnectionWrapper<Session, Spawner>;

impl Backend for Sqlite {
    type Connection = Wrapper;

    const NAME: &'static str = "SQLite";
}

impl Recording<Wrapper> for Sqlite {
    async fn record(
        connection: &mut Wrapper,
        batch: Arc<Vec<NewDelivery>>,
        now: Timestamp,
    ) -> QueryResult<Vec<Option<Recorded>>> {
        write(connection, move |c| at_once(record::record(c, &batch, now))).await
    }

    async fn try_record(connection: &mut Wrapper, delivery: NewDelivery, now: Timestamp) -> QueryResult<()> {
        let tried = write(connection, move |c| {
            at_once(record::record(c, &[delivery], now))?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        match tried.await {
            Err(Error::RollbackTransaction) => Ok(()),
            outcome => outcome,
        }
    }

    async fn prove(connection: &mut Wrapper) -> QueryResult<()> {
        write(connection, |c| at_once(shared::prove(c))).await
    }
}

impl WorkQueue<Wrapper> for Sqlite {
    async fn claim(connection: &mut Wrapper, request: ClaimRequest, now: Timestamp) -> QueryResult<Claimed> {
        write(connection, move |c| claim::claim(c, &request, now)).await
    }

    async fn begin(connection: &mut Wrapper, ticket: Ticket, _: Duration, now: Timestamp) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| begin(c, &ticket, now)).await
    }

    async fn commit(connection: &mut Wrapper, _: Option<Line>) -> Result<Left, NotCommitted> {
        // The fence has promoted the next row of the line: nobody could record meanwhile.
        connection.spawn_blocking(|session| Ok(commit(session))).await.map_err(NotCommitted::Unknown)?
    }

    async fn rollback(connection: &mut Wrapper) -> QueryResult<Left> {
        connection.spawn_blocking(rollback).await
    }

    async fn settle(
        connection: &mut Wrapper,
        ticket: Ticket,
        settlement: Settlement,
        now: Timestamp,
    ) -> QueryResult<Option<State>> {
        write(connection, move |c| at_once(shared::settle(c, &ticket, &settlement, now))).await
    }

    async fn renew_and_rescue(
        connection: &mut Wrapper,
        held: Vec<Ticket>,
        lease: Duration,
        now: Timestamp,
    ) -> QueryResult<Rescue> {
        write(connection, move |c| at_once(rescue::renew_and_rescue(c, held, lease, now))).await
    }

    async fn take_hook(
        connection: &mut Wrapper,
        handler: Arc<str>,
        lease: Duration,
        now: Timestamp,
    ) -> QueryResult<Option<OwedHook>> {
        let take = move |session: &mut Session| {
            if hook::is_due(session, &handler, now)? {
                session.immediate_transaction(|c| at_once(shared::take_hook(c, &handler, lease, now)))
            } else {
                Ok(None)
            }
        };
        connection.spawn_blocking(take).await
    }

    async fn settle_hook(
        connection: &mut Wrapper,
        owed: OwedHook,
        pause: Option<Duration>,
        now: Timestamp,
    ) -> QueryResult<bool> {
        write(connection, move |c| at_once(shared::settle_hook(c, &owed, pause, now))).await
    }

    async fn lines_without_first(connection: &mut Wrapper) -> QueryResult<Vec<Line>> {
        connection.spawn_blocking(|c| at_once(shared::lines_without_first(c))).await
    }

    async fn promote(connection: &mut Wrapper, lines: Vec<Line>) -> QueryResult<u64> {
        write(connection, move |c| at_once(shared::promote_lines(c, &lines))).await
    }

    async fn overlong_waits(connection: &mut Wrapper, now: Timestamp) -> QueryResult<Vec<(i64, String)>> {
        connection.spawn_blocking(move |c| at_once(shared::overlong_waits(c, now))).await
    }

    async fn cut_waits(connection: &mut Wrapper, waits: Vec<(i64, String)>, now: Timestamp) -> QueryResult<u64> {
        write(connection, move |c| at_once(shared::cut_waits(c, &waits, now))).await
    }
}

impl Rehearsing<Wrapper> for Sqlite {
    async fn preview(connection: &mut Wrapper, delivery_id: i64, handler: String) -> QueryResult<Option<Preview>> {
        let preview = move |c: &mut SqliteConnection| at_once(shared::preview(c, delivery_id, &handler));
        connection.spawn_blocking(move |session| diesel::Connection::transaction(&mut **session, preview)).await
    }

    async fn begin_rehearsal(connection: &mut Wrapper, line: Line, _: Duration) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| rehearsal::begin(c, &line)).await
    }

    async fn end_rehearsal(connection: &mut Wrapper, _: Line) -> Result<RolledBack, NotCommitted> {
        // Nobody could claim meanwhile.
        connection.spawn_blocking(|session| Ok(rehearsal::end(session))).await.map_err(NotCommitted::Unknown)?
    }
}

/// The outcome of a verb that asks this database alone: there is nothing to wait for.
fn at_once<R>(verb: impl Future<Output = R>) -> R {
    verb.now_or_never().expect("SQLite answers within the call")
}

/// Runs `verb` in one immediate transaction, in one call.
async fn write<R: Send + 'static>(
    connection: &mut Wrapper,
    verb: impl FnOnce(&mut SqliteConnection) -> QueryResult<R> + Send + 'static,
) -> QueryResult<R> {
    connection.spawn_blocking(move |c| c.immediate_transaction(verb)).await
}

type Transactions = AnsiTransactionManager;

/// In WAL mode a commit without fsync may be lost in a power cut, but never in part, nor before an earlier commit. The
/// next fsync of the WAL, on any connection, makes all earlier commits durable.
/// <https://www.sqlite.org/pragma.html#pragma_synchronous>
const WITHOUT_FSYNC: &str = "PRAGMA synchronous = NORMAL";

/// The setting that the host's own writes on this connection rely on.
const WITH_FSYNC: &str = "PRAGMA synchronous = FULL";

fn begin(session: &mut Session, ticket: &Ticket, now: Timestamp) -> QueryResult<bool> {
    session.batch_execute(WITHOUT_FSYNC)?;
    Transactions::begin_transaction_sql(session, "BEGIN IMMEDIATE")?;
    match at_once(shared::settle(session, ticket, &Settlement::Complete, now)) {
        Ok(Some(_)) => {
            session.lend();
            Ok(true)
        }
        Ok(None) => rollback(session).map(|_| false),
        Err(error) => {
            let _ = rollback(session)?;
            Err(error)
        }
    }
}

fn begin_erasure(session: &mut Session, endpoint: &str, id: &str, now: Timestamp) -> QueryResult<ErasedRows> {
    Transactions::begin_transaction_sql(session, "BEGIN IMMEDIATE")?;
    match at_once(shared::erase_result(session, endpoint, id, now)) {
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
    // Diesel would roll back to a savepoint that is still open. Closing the connection rolls back everything.
    if !session.take_back() || !is_outermost(session) {
        return Err(Error::BrokenTransactionManager);
    }
    Transactions::rollback_transaction(session)?;
    session.batch_execute(WITH_FSYNC)?;
    Ok(left(session))
}

/// Whether no inner transaction is open.
fn is_outermost(session: &mut Session) -> bool {
    let status = <Transactions as TransactionManager<Session>>::transaction_manager_status_mut(session);
    matches!(status.transaction_depth(), Ok(Some(depth)) if depth == NonZeroU32::MIN)
}

fn left(session: &Session) -> Left {
    if session.is_altered() { Left::Traces } else { Left::Nothing }
}
