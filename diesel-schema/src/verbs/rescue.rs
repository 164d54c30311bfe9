use std::time::Duration;

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl, running};
use crate::backend::Rescue;
use crate::tables::work::held;
use crate::{State, Ticket, Utc, WorkRow, failpoint, work};

/// What the operator reads where the last attempt never came back.
const LOST: &str = "the lease lapsed: the process died, hung or was cut off during the last attempt";

/// What the operator reads where that happened before the last attempt, and not for the first time.
const SUSPECT: &str = "the lease lapsed: the process died, hung or was cut off during more than one attempt";

pub(crate) async fn renew_and_rescue(
    connection: &mut Connection,
    held_tickets: Vec<Ticket>,
    lease: Duration,
    now: Utc,
) -> QueryResult<Rescue> {
    let mut running = running(connection).await?;
    let mut rescue = Rescue::default();
    for ticket in held_tickets {
        let row = running.iter_mut().find(|row| row.delivery_id == ticket.delivery_id && row.handler == ticket.handler);
        let renewed = match row.filter(|row| row.epoch == ticket.epoch) {
            Some(row) => {
                row.lease_until = Some(now.after(lease));
                let renewal = diesel::update(held(ticket.delivery_id, &ticket.handler, ticket.epoch));
                renewal.set(work::lease_until.eq(row.lease_until)).execute(connection).await?
            }
            // Its own transaction may be open: then nobody else can take it, whatever its lease says.
            None => holders(connection, &ticket).await?,
        };
        if renewed == 0 {
            rescue.stale.push(ticket);
        }
    }
    failpoint::reach("lease.renewed");
    let mut suspects = Vec::new();
    for row in running.into_iter().filter(|row| row.lease_until.is_some_and(|until| until < now)) {
        if row.attempt >= row.max_attempts {
            rescue.discarded += discard(connection, &row, now).await?;
        } else if row.attempt < 2 && row.attempt < row.max_attempts - 1 {
            rescue.rescued += release(connection, &row, row.last_error.as_deref(), now).await?;
        } else {
            suspects.push(row);
        }
    }
    rescue.rescued += rescue_suspect(connection, suspects, lease, now).await?;
    Ok(rescue)
}

/// How many hold a ticket: one, or none where it is stale.
async fn holders(connection: &mut Connection, ticket: &Ticket) -> QueryResult<usize> {
    let holders: i64 = held(ticket.delivery_id, &ticket.handler, ticket.epoch).count().get_result(connection).await?;
    Ok(usize::try_from(holders).unwrap_or(0))
}

async fn discard(connection: &mut Connection, row: &WorkRow, now: Utc) -> QueryResult<usize> {
    diesel::update(work::table.find((row.delivery_id, &row.handler)))
        .set((
            work::state.eq(State::Discarded),
            work::lease_until.eq(None::<Utc>),
            work::finished_at.eq(now),
            work::last_error.eq(LOST),
        ))
        .execute(connection)
        .await
}

/// Makes it wait again.
async fn release(connection: &mut Connection, row: &WorkRow, error: Option<&str>, now: Utc) -> QueryResult<usize> {
    diesel::update(work::table.find((row.delivery_id, &row.handler)))
        .set((
            work::state.eq(State::Retryable),
            work::lease_until.eq(None::<Utc>),
            work::due_at.eq(now),
            work::last_error.eq(error),
        ))
        .execute(connection)
        .await
}

/// Rescues one of those that were lost before, or whose next attempt is the last, unless one has its turn already.
///
/// It may be what kills the process, or it may only have been beside that. One at a time, it is alone in dying: its
/// neighbours are not discarded for it. Whoever was lost longest ago comes first, so the guilty one comes last.
async fn rescue_suspect(
    connection: &mut Connection,
    suspects: Vec<WorkRow>,
    lease: Duration,
    now: Utc,
) -> QueryResult<usize> {
    let Some(suspect) = suspects.into_iter().min_by_key(|row| (row.lease_until, row.delivery_id)) else {
        return Ok(0);
    };
    // It runs, or is about to: where nobody claims it, because its handler is paused or gone, it holds nobody up.
    let has_turn = work::lease_until.ge(now).or(work::due_at.gt(now.before(lease)));
    let turns: i64 =
        work::table.filter(work::last_error.eq(SUSPECT)).filter(has_turn).count().get_result(connection).await?;
    if turns > 0 {
        return Ok(0);
    }
    release(connection, &suspect, Some(SUSPECT), now).await
}
