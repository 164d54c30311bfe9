use std::num::NonZeroU32;
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, TransactionDepthChange, TransactionManagerStatus};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Bool, Text};
use diesel_async::{
    AnsiTransactionManager, AsyncConnection as _, RunQueryDsl, SimpleAsyncConnection, TransactionManager,
};
use futures_util::future::{join, join3};

use super::line::{promote, promotion};
use super::transaction::{
    self, LOCK_TIMEOUT, STATEMENT_TIMEOUT, TRANSACTION_SETTING, TransactionSettings, transaction_timestamp,
};
use super::{Connection, connection, shared};
use crate::engine::commit::{Left, NotCommitted};
use crate::engine::db_error::{is_conflict, is_unknown};
use crate::engine::update::update;
use crate::schema::work::held;
use crate::{AttemptOutcome, Line, State, Ticket, Timestamp, work};

/// The text that the server quotes where a handler has ended its transaction.
const ENDED_WITHIN: &str = "ended within the handler";

/// Undoes the session state that outlives a transaction, except for prepared statements, which Diesel knows by name.
/// `DISCARD ALL` would drop those too, and the settings of the connection's opening.
const RESET_SESSION: &str = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DISCARD TEMP; DISCARD SEQUENCES; UNLISTEN *; \
    CLOSE ALL; SELECT pg_advisory_unlock_all()";

/// Begins a handler's transaction: the fence and the "done" mark come first. Gives back whether the ticket still holds.
pub(super) async fn begin(connection: &mut Connection, ticket: &Ticket, pause: Duration) -> QueryResult<bool> {
    let beginning = beginning();
    let is_session = connection::keeps_statements(connection);
    let (guarded, begun, is_held) = {
        let shared = &*connection;
        let begin = transaction::start(shared, &beginning);
        join3(guard(shared, is_session), begin, complete(shared, ticket, pause)).await
    };
    opened(connection, guarded.and(begun)).await?;
    let is_held = is_held.map(|held| {
        connection::set_blind(connection, held.unwrap_or(false));
        held.is_some()
    });
    match is_held {
        Ok(true) if ticket.has_attempts => match keep(connection, ticket).await {
            Ok(()) => Ok(true),
            Err(error) => {
                let _ = rollback(connection).await?;
                Err(error)
            }
        },
        Ok(true) => Ok(true),
        Ok(false) => rollback(connection).await.map(|_| false),
        Err(error) => {
            let _ = rollback(connection).await?;
            Err(error)
        }
    }
}

/// Tells Diesel that a handler's transaction has begun. Where it has not, and the server is a standby, the error says so.
pub(super) async fn opened(connection: &mut Connection, begun: QueryResult<()>) -> QueryResult<()> {
    match transaction::account_for(connection, begun).await {
        Err(_) if is_standby(connection).await => Err(standby()),
        opened => opened,
    }
}

/// Adds the success to the history, in the transaction that makes it one. As for the fence, an index finds the row of
/// work, and the planner is the host's again afterwards.
async fn keep(connection: &mut Connection, ticket: &Ticket) -> QueryResult<()> {
    connection.batch_execute("SET LOCAL enable_seqscan = off").await?;
    let now = transaction::now(connection).await?;
    shared::add_attempt(connection, ticket.key(), AttemptOutcome::Completed, None, now).await?;
    let planner = format!("SELECT set_config('enable_seqscan', current_setting('{TRANSACTION_SETTING}'), true)");
    connection.batch_execute(&planner).await
}

/// The statement before a handler's transaction. If the handler ends the transaction, each later statement would be an
/// effect without a "done" mark: so the session itself cannot write. Behind a proxy the setting might land in another
/// client's session.
pub(super) async fn guard(mut connection: &Connection, is_session: bool) -> QueryResult<()> {
    if is_session { connection.batch_execute("SET default_transaction_read_only = on").await } else { Ok(()) }
}

/// The statements before the fence. An index finds the fence's row, even where the planner takes the table for small:
/// the plan is kept while the table grows. `TRANSACTION_SETTING` keeps the host's planner setting until the fence
/// restores it. The transaction may write, whatever the database's default is.
pub(super) fn beginning() -> String {
    format!(
        "BEGIN READ WRITE; SELECT set_config('{TRANSACTION_SETTING}', current_setting('enable_seqscan'), true); \
        SET LOCAL enable_seqscan = off; SET LOCAL lock_timeout = {LOCK_TIMEOUT}"
    )
}

/// Whether the server is in recovery, and takes no writes.
async fn is_standby(connection: &mut Connection) -> bool {
    let asked = connection.transaction(async |c| diesel::select(pg_is_in_recovery()).get_result(c).await).await;
    asked.unwrap_or(false)
}

fn standby() -> Error {
    let text = "the server is a standby: it takes no writes".to_owned();
    Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, Box::new(text))
}

diesel::define_sql_function! {
    /// Whether the server is in recovery.
    fn pg_is_in_recovery() -> diesel::sql_types::Bool;
}

/// Commits the begun transaction, promotes within its line, and cleans the session.
///
/// Two checks cover cases that the answer of a commit does not show. In a failed transaction Postgres answers COMMIT
/// with a ROLLBACK, and takes that for a success. A transaction that the handler began in place of ours lacks
/// `TRANSACTION_SETTING`. Either case makes the first statement fail, and then the open transaction is rolled back.
pub(super) async fn commit(connection: &mut Connection, line: Option<&Line>) -> Result<Left, NotCommitted> {
    if !is_outermost(connection) {
        return Err(NotCommitted::Unfinished);
    }
    let (intact, is_blind) = (whether_intact(), connection::is_blind(connection));
    let promotion = line.map(|line| format!("{}; ", promotion(line))).unwrap_or_default();
    let end = format!("{promotion}COMMIT; {}", cleaning(connection));
    connection.instrumentation().on_connection_event(InstrumentationEvent::commit_transaction(NonZeroU32::MIN));
    let (intact, ended) = {
        let (mut first, mut second) = (&*connection, &*connection);
        // Pipelined in this order. Where the first fails, the transaction has failed, and the second commits nothing.
        join(first.batch_execute(&intact), second.batch_execute(&end)).await
    };
    intact.map_err(not_intact)?;
    ended.map_err(not_committed)?;
    let left = over(connection).map_err(NotCommitted::Unknown)?;
    if let Some(line) = line.filter(|_| is_blind) {
        promote_later(connection, line).await;
    }
    Ok(left)
}

/// The statements after a handler: the check whether its transaction is still ours. The statements behind them run with
/// our own role and `search_path` again.
pub(super) fn whether_intact() -> String {
    format!(
        "SELECT coalesce(nullif(current_setting('{TRANSACTION_SETTING}', true), ''), '{ENDED_WITHIN}')::boolean; \
        SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL search_path TO DEFAULT"
    )
}

/// Promotes after a transaction whose isolation level hid from it the recordings of other transactions. Where this
/// fails, the sweep promotes.
async fn promote_later(connection: &mut Connection, line: &Line) {
    if transaction::begin(connection, TransactionSettings::without_wait()).await.is_ok() {
        let promoted = promote(connection, line).await;
        let _ = transaction::end(connection, promoted).await;
    }
}

/// Rolls back the begun transaction, and cleans the session.
pub(super) async fn rollback(connection: &mut Connection) -> QueryResult<Left> {
    if !is_outermost(connection) {
        // Diesel would go on from the inner transaction. The connection is closed instead, which rolls back everything.
        return Err(Error::BrokenTransactionManager);
    }
    let rollback = format!("ROLLBACK; {}", cleaning(connection));
    connection.instrumentation().on_connection_event(InstrumentationEvent::rollback_transaction(NonZeroU32::MIN));
    connection.batch_execute(&rollback).await?;
    over(connection)
}

/// Whether no inner transaction is open.
pub(super) fn is_outermost(connection: &mut Connection) -> bool {
    let status = AnsiTransactionManager::transaction_manager_status_mut(connection);
    matches!(status.transaction_depth(), Ok(Some(depth)) if depth == NonZeroU32::MIN)
}

fn cleaning(connection: &mut Connection) -> String {
    format!("{RESET_SESSION}; {}", connection::settings_of(connection))
}

/// Tells Diesel that the transaction has ended.
fn over(connection: &mut Connection) -> QueryResult<Left> {
    match AnsiTransactionManager::transaction_manager_status_mut(connection) {
        TransactionManagerStatus::Valid(status) => {
            status.change_transaction_depth(TransactionDepthChange::DecreaseDepth)?;
        }
        TransactionManagerStatus::InError => return Err(Error::BrokenTransactionManager),
    }
    Ok(if connection::is_as_opened(connection) { Left::Nothing } else { Left::Traces })
}

pub(super) fn not_intact(error: Error) -> NotCommitted {
    match &error {
        error if is_lost(error) => {}
        Error::DatabaseError(_, details) if details.message().contains(ENDED_WITHIN) => return NotCommitted::Ended,
        _ => return NotCommitted::Aborted,
    }
    NotCommitted::Unknown(error)
}

pub(super) fn not_committed(error: Error) -> NotCommitted {
    match error {
        error if is_lost(&error) => NotCommitted::Unknown(error),
        error if is_conflict(&error) => NotCommitted::Conflict,
        error => NotCommitted::Refused(error),
    }
}

/// Whether the server has not answered.
fn is_lost(error: &Error) -> bool {
    is_unknown(error) || matches!(error, Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _))
}

/// The fence and the "done" mark in one statement, without a query for the time before it. It never runs outside of the
/// transaction. Gives back whether the transaction misses commits that are made after its beginning. `None` when the
/// ticket is stale.
pub(crate) async fn complete(
    mut connection: &Connection,
    ticket: &Ticket,
    pause: Duration,
) -> QueryResult<Option<bool>> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch).filter(transaction::is_within());
    let done = (
        work::state.eq(State::Completed),
        work::lease_until.eq(None::<Timestamp>),
        work::finished_at.eq(transaction_timestamp().nullable()),
        // The next row of the line is promoted before the commit. Where the isolation level forbids that, it is
        // promoted after the commit, and this row stays the first until then.
        work::is_first.eq(transaction::is_not_read_committed()),
    );
    let fence = Fence { update: update(row, done), pause };
    let held: Option<(bool, String, String, String, String)> = fence.get_result(&mut connection).await.optional()?;
    Ok(held.map(|(is_blind, ..)| is_blind))
}

/// An update that is the first statement of a host's transaction, and sets the terms of the other statements. The
/// planner is the host's again. The commit need not wait for fsync, as effect and mark are lost together. `pause` is
/// how long the transaction may stand still. One prepared statement for all of it costs half of what separate
/// statements cost.
struct Fence<U> {
    update: U,
    pause: Duration,
}

impl<U: QueryFragment<Pg>> QueryFragment<Pg> for Fence<U> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.update.walk_ast(out.reborrow())?;
        out.push_sql(&format!(
            " RETURNING is_first, set_config('enable_seqscan', current_setting('{TRANSACTION_SETTING}'), true), \
            set_config('synchronous_commit', 'off', true), \
            set_config('statement_timeout', {STATEMENT_TIMEOUT}, true), \
            set_config('idle_in_transaction_session_timeout', '{}ms', true)",
            self.pause.as_millis()
        ));
        Ok(())
    }
}

impl<U> Query for Fence<U> {
    type SqlType = (Bool, Text, Text, Text, Text);
}

impl<U> QueryId for Fence<U> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
