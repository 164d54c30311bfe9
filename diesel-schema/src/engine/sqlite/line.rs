use std::collections::HashSet;

use diesel::dsl::{auto_type, exists, not};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

use crate::engine::update::update;
use crate::schema::versions::versions;
use crate::schema::work::{WAIT, Wait};
use crate::{Line, State, Timestamp, Versions, deliveries, handlers, work};

diesel::table! {
    use diesel::sql_types::*;

    /// The work, with the columns that SQLite alone has.
    #[sql_name = "mojito_work"]
    promotions (delivery_id, handler) {
        delivery_id -> BigInt,
        handler -> Text,
        is_first -> Bool,
        /// Whether the row became the first of its line after it was recorded.
        was_promoted -> Bool,
    }
}

/// The first of a line.
#[auto_type(no_type_alias)]
pub(super) fn first_of<'a>(first_delivery_id: i64, handler: &'a str) -> _ {
    work::table
        .filter(work::first_delivery_id.eq(first_delivery_id))
        .filter(work::handler.eq(handler))
        .filter(work::is_first)
}

/// The unfinished work behind the first of a line, in stored order.
#[auto_type(no_type_alias)]
pub(super) fn behind_first<'a>(first_delivery_id: i64, handler: &'a str) -> _ {
    work::table
        .filter(work::first_delivery_id.eq(first_delivery_id))
        .filter(work::handler.eq(handler))
        .filter(work::finished_at.is_null())
        .filter(not(work::is_first))
        .order(work::delivery_id)
}

/// Whether a row became the first of its line after it was recorded. Postgres needs no such column: its claims are
/// durable.
///
/// Not `sql`: Diesel prepares a query with such a literal anew each time.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(super) struct WasPromoted;

impl Expression for WasPromoted {
    type SqlType = Bool;
}

impl AppearsOnTable<work::table> for WasPromoted {}

impl SelectableExpression<work::table> for WasPromoted {}

impl QueryFragment<Sqlite> for WasPromoted {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("mojito_work.was_promoted");
        Ok(())
    }
}

/// Promotes within a line: the earliest unfinished row becomes the first, unless a row of the line runs. Gives back
/// whether a row was promoted.
///
/// The caller holds the write lock: nobody else records or ends work meanwhile.
pub(super) async fn promote(connection: &mut SqliteConnection, line: &Line) -> QueryResult<bool> {
    let (result, handler) = (line.first_delivery_id, line.handler.as_str());
    let former = first_of(result, handler)
        .select((work::delivery_id, work::lease_until.is_not_null(), work::finished_at.is_null()))
        .get_result::<(i64, bool, bool)>(connection)
        .optional()?;
    if former.is_some_and(|(_, is_running, _)| is_running) {
        return Ok(false);
    }
    // Not `first`: SQLite compiles a query with a bound limit anew each time.
    let next: Option<i64> =
        behind_first(result, handler).select(work::delivery_id).load_iter(connection)?.next().transpose()?;
    let mut mark = |id: i64, is_first: bool| {
        let marked = (promotions::is_first.eq(is_first), promotions::was_promoted.eq(is_first));
        ExecuteDsl::execute(update(promotions::table.find((id, handler)), marked), connection)
    };
    if let Some((former, _, is_waiting)) = former {
        if is_waiting && next.is_none_or(|next| former < next) {
            return Ok(false);
        }
        mark(former, false)?;
    }
    match next {
        Some(next) => mark(next, true).map(|rows| rows == 1),
        None => Ok(false),
    }
}

/// Ends the overtaken work of a line as skipped, and promotes: only where the handler wants the latest version. Work that
/// waits is overtaken by each newer version that the handler has work of, unless a replay made it wait. `ended` is work
/// that the caller has just given up, or made wait. Gives back whether that was skipped.
///
/// The caller holds the write lock: nobody else records or ends work meanwhile.
pub(super) async fn skip_overtaken(
    connection: &mut SqliteConnection,
    line: &Line,
    ended: Option<i64>,
    now: Timestamp,
) -> QueryResult<bool> {
    let (result, handler) = (line.first_delivery_id, line.handler.as_str());
    let wants: Option<Versions> =
        handlers::table.find(handler).select(handlers::wants).get_result(connection).optional()?;
    let newest: Option<i64> = match wants {
        Some(Versions::Latest) => versions(result, handler).load_iter(connection)?.next().transpose()?,
        _ => None,
    };
    let mut is_skipped = false;
    if let Some(newest) = newest {
        let mut older: Vec<i64> = first_of(result, handler).select(work::delivery_id).load(connection)?;
        older.extend(behind_first(result, handler).select(work::delivery_id).load::<i64>(connection)?);
        older.extend(ended);
        for id in older.into_iter().filter(|id| *id < newest) {
            let skipped = (
                work::state.eq(State::Skipped),
                work::due_at.eq(None::<Timestamp>),
                work::finished_at.eq(now),
                work::is_first.eq(false),
                work::hook_due_at.eq(None::<Timestamp>),
            );
            let is_ended = ended == Some(id);
            let given_up = if is_ended { State::Discarded } else { State::Pending };
            let rows = ExecuteDsl::execute(update(overtaken(id, handler, given_up), skipped), connection)?;
            is_skipped |= rows == 1 && is_ended;
        }
    }
    promote(connection, line).await?;
    Ok(is_skipped)
}

/// The work on one version, if it waits or is in one more state, and no replay made it wait.
#[auto_type(no_type_alias)]
fn overtaken<'a>(delivery_id: i64, handler: &'a str, or_in: State) -> _ {
    let (pending, retryable): (State, State) = (State::Pending, State::Retryable);
    let version = deliveries::table.filter(deliveries::id.eq(delivery_id)).filter(deliveries::version.is_not_null());
    work::table
        .filter(work::delivery_id.eq(delivery_id))
        .filter(work::handler.eq(handler))
        .filter(not(work::is_replayed))
        .filter(work::state.eq(pending).or(work::state.eq(retryable)).or(work::state.eq(or_in)))
        .filter(exists(version))
}

/// The rows with these keys that exist and do not run. Nobody else can lock a row here.
pub(super) async fn lock_idle(
    connection: &mut SqliteConnection,
    keys: impl Iterator<Item = (i64, &str)>,
) -> QueryResult<HashSet<(i64, String)>> {
    let mut idle = HashSet::new();
    for (id, handler) in keys {
        let row = work::table.find((id, handler)).filter(work::lease_until.is_null());
        let found: Option<i64> = row.select(work::delivery_id).get_result(connection).optional()?;
        idle.extend(found.map(|id| (id, handler.to_owned())));
    }
    Ok(idle)
}

/// Whether a delivery exists. Nobody else can remove one here.
pub(super) async fn keep_delivery(connection: &mut SqliteConnection, id: i64) -> QueryResult<bool> {
    Ok(deliveries::table.find(id).select(deliveries::id).get_result::<i64>(connection).optional()?.is_some())
}

/// Nobody else can write here, and so nothing is locked.
pub(super) async fn lock_deliveries(_: &mut SqliteConnection, _ids: &[i64]) -> QueryResult<()> {
    Ok(())
}

/// How long a row waits. Nobody else can lock one here.
pub(super) async fn lock_wait(connection: &mut SqliteConnection, id: i64, handler: &str) -> QueryResult<Option<Wait>> {
    work::table.find((id, handler)).select(WAIT).get_result(connection).optional()
}
