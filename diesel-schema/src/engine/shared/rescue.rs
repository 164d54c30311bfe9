use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult, Queryable};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl, add_attempt, skip_overtaken};
use crate::rules::error_group::error_group;
use crate::{AttemptOutcome, Line, Rescue, State, Timestamp, work};

/// The text that an operator reads where the last attempt never came back.
const LOST: &str = "the lease lapsed: the process died, hung or was cut off during the last attempt";

/// The text that an operator reads where an attempt before the last never came back, and not for the first time.
const SUSPECT_ERROR: &str = "the lease lapsed: the process died, hung or was cut off during more than one attempt";

/// Work whose lease has lapsed.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct Lapsed {
    delivery_id: i64,
    line: Line,
    attempt: i32,
    max_attempts: i32,
}

/// The columns that a rescue reads of work whose lease has lapsed.
pub(crate) const LAPSED: (
    work::delivery_id,
    (work::first_delivery_id, work::handler),
    work::attempt,
    work::max_attempts,
) = (work::delivery_id, (work::first_delivery_id, work::handler), work::attempt, work::max_attempts);

/// Frees lost work, the longest lost first: gives up work that has no attempt left, and lets the rest wait again. Work
/// that was overtaken meanwhile is skipped.
///
/// Among work that was lost before, or whose next attempt is the last, one suspect alone has its turn. It may be the
/// work that kills the process, or only have run beside that work. One at a time, a suspect dies alone: its neighbours
/// are not discarded for it. The longest lost comes first, so the guilty one comes last.
pub(crate) async fn rescue(
    connection: &mut Connection,
    lost: Vec<Lapsed>,
    lease: Duration,
    now: Timestamp,
    rescue: &mut Rescue,
) -> QueryResult<()> {
    let mut suspect = None;
    for lapsed in lost {
        let row = work::table.find((lapsed.delivery_id, &lapsed.line.handler));
        let state = if lapsed.attempt >= lapsed.max_attempts {
            let given_up = (
                work::state.eq(State::Discarded),
                work::lease_until.eq(None::<Timestamp>),
                work::finished_at.eq(now),
                work::last_error.eq(LOST),
                work::error_group.eq(error_group(LOST)),
                work::is_first.eq(false),
                work::hook_due_at.eq(now),
                work::has_attempts.eq(true),
            );
            diesel::update(row).set(given_up).execute(connection).await?;
            State::Discarded
        } else if lapsed.attempt < 2 && lapsed.attempt < lapsed.max_attempts - 1 {
            let waiting = (
                work::state.eq(State::Retryable),
                work::lease_until.eq(None::<Timestamp>),
                work::due_at.eq(now),
                work::measured_from.eq(now),
                work::has_attempts.eq(true),
            );
            diesel::update(row).set(waiting).execute(connection).await?;
            State::Retryable
        } else {
            suspect.get_or_insert(lapsed);
            continue;
        };
        rescue.count(end(connection, &lapsed, state, now).await?);
    }
    if let Some(suspect) = suspect {
        rescue_suspect(connection, &suspect, lease, now, rescue).await?;
    }
    Ok(())
}

/// Adds a lost attempt to the history, and promotes. The outcome says everything: there is no error. Gives back the state
/// that the work is in now: `state`, unless it was overtaken.
async fn end(connection: &mut Connection, lapsed: &Lapsed, state: State, now: Timestamp) -> QueryResult<State> {
    let key = (lapsed.delivery_id, lapsed.line.handler.as_str());
    add_attempt(connection, key, AttemptOutcome::Lapsed, None, now).await?;
    let is_skipped = skip_overtaken(connection, &lapsed.line, Some(lapsed.delivery_id), now).await?;
    Ok(if is_skipped { State::Skipped } else { state })
}

/// Rescues a suspect, unless another has its turn already.
async fn rescue_suspect(
    connection: &mut Connection,
    suspect: &Lapsed,
    lease: Duration,
    now: Timestamp,
    rescue: &mut Rescue,
) -> QueryResult<()> {
    if has_turn(connection, lease, now).await? {
        return Ok(());
    }
    let waiting = (
        work::state.eq(State::Retryable),
        work::lease_until.eq(None::<Timestamp>),
        work::due_at.eq(now),
        work::measured_from.eq(now),
        work::last_error.eq(SUSPECT_ERROR),
        work::error_group.eq(error_group(SUSPECT_ERROR)),
        work::has_attempts.eq(true),
    );
    let row = work::table.find((suspect.delivery_id, &suspect.line.handler));
    diesel::update(row).set(waiting).execute(connection).await?;
    rescue.count(end(connection, suspect, State::Retryable, now).await?);
    Ok(())
}

/// Whether a suspect runs, or is about to. A suspect that nobody claims, because its handler is paused or gone, holds
/// nobody up.
///
/// Two statements, since each finds its rows by an index of its own.
async fn has_turn(connection: &mut Connection, lease: Duration, now: Timestamp) -> QueryResult<bool> {
    let suspects = work::table.filter(work::last_error.eq(SUSPECT_ERROR));
    let running: i64 = suspects.filter(work::lease_until.ge(now)).count().get_result(connection).await?;
    // The literal matches the partial index.
    let waiting = suspects.filter(sql::<Bool>("state = 'retryable'")).filter(work::due_at.gt(now.before(lease)));
    let waiting: i64 = waiting.filter(work::due_at.le(now)).count().get_result(connection).await?;
    Ok(running + waiting > 0)
}
