use std::time::Duration;

use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl, add_attempt, promote, skip_overtaken};
use crate::engine::update::update;
use crate::rules::error_group::error_group;
use crate::schema::work::held;
use crate::{Settlement, State, Ticket, Timestamp, failpoint, work};

/// Ends an attempt, and promotes within its line: the first is then the next row, or an earlier row that was replayed
/// meanwhile. Work that did not succeed and was overtaken meanwhile is skipped. The history tells of an attempt that did
/// not simply succeed at once.
pub(crate) async fn settle(
    connection: &mut Connection,
    ticket: &Ticket,
    settlement: &Settlement,
    now: Timestamp,
) -> QueryResult<Option<State>> {
    let settled = match settlement {
        Settlement::Complete => complete(connection, ticket, now).await,
        Settlement::Retry { pause, error, .. } => retry(connection, ticket, *pause, error, now).await,
        Settlement::Discard { error } => discard(connection, ticket, error, now).await,
        Settlement::Release => release(connection, ticket, now).await,
    }?;
    let Some(state) = settled else { return Ok(None) };
    if let Some((outcome, error)) = settlement.kept(ticket) {
        add_attempt(connection, ticket.key(), outcome, error, now).await?;
    }
    if state == State::Completed {
        promote(connection, &ticket.line()).await?;
        return Ok(Some(state));
    }
    let is_skipped = skip_overtaken(connection, &ticket.line(), Some(ticket.delivery_id), now).await?;
    Ok(Some(if is_skipped { State::Skipped } else { state }))
}

/// The fence and the "done" mark in one statement.
async fn complete(connection: &mut Connection, ticket: &Ticket, now: Timestamp) -> QueryResult<Option<State>> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch);
    let done = (
        work::state.eq(State::Completed),
        work::lease_until.eq(None::<Timestamp>),
        work::finished_at.eq(now),
        work::is_first.eq(false),
    );
    let rows = update(row, done).execute(connection).await?;
    Ok((rows == 1).then_some(State::Completed))
}

async fn retry(
    connection: &mut Connection,
    ticket: &Ticket,
    pause: Duration,
    error: &str,
    now: Timestamp,
) -> QueryResult<Option<State>> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch).filter(work::attempt.lt(work::max_attempts));
    let waiting = (
        work::state.eq(State::Retryable),
        work::lease_until.eq(None::<Timestamp>),
        work::due_at.eq(now.after(pause)),
        work::measured_from.eq(now),
        work::last_error.eq(error),
        work::error_group.eq(error_group(error)),
        work::has_attempts.eq(true),
        work::is_replayed.eq(false),
    );
    if update(row, waiting).execute(connection).await? == 1 {
        return Ok(Some(State::Retryable));
    }
    discard(connection, ticket, error, now).await
}

async fn discard(
    connection: &mut Connection,
    ticket: &Ticket,
    error: &str,
    now: Timestamp,
) -> QueryResult<Option<State>> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch);
    let given_up = (
        work::state.eq(State::Discarded),
        work::lease_until.eq(None::<Timestamp>),
        work::finished_at.eq(now),
        work::last_error.eq(error),
        work::error_group.eq(error_group(error)),
        work::is_first.eq(false),
        work::hook_due_at.eq(now),
        work::has_attempts.eq(true),
        work::is_replayed.eq(false),
    );
    let rows = update(row, given_up).execute(connection).await?;
    failpoint::reach("work.discarded");
    Ok((rows == 1).then_some(State::Discarded))
}

async fn release(connection: &mut Connection, ticket: &Ticket, now: Timestamp) -> QueryResult<Option<State>> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch);
    let untried = (work::state.eq(State::Pending), work::attempt.eq(0), work::lease_until.eq(None::<Timestamp>));
    if update(row.filter(work::attempt.eq(1)), untried).execute(connection).await? == 1 {
        return Ok(Some(State::Pending));
    }
    let tried = (
        work::state.eq(State::Retryable),
        work::attempt.eq(work::attempt - 1),
        work::lease_until.eq(None::<Timestamp>),
        work::due_at.eq(now),
        work::measured_from.eq(now),
    );
    let rows = update(row, tried).execute(connection).await?;
    Ok((rows == 1).then_some(State::Retryable))
}
