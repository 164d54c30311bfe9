use std::time::Duration;

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl};
use crate::backend::Rescue;
use crate::tables::work::{held, lapsed};
use crate::{State, Ticket, Utc, failpoint, work};

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
    let mut rescue = Rescue::default();
    for ticket in held_tickets {
        let renewed = diesel::update(held(ticket.delivery_id, &ticket.handler, ticket.epoch))
            .set(work::lease_until.eq(now.after(lease)))
            .execute(connection)
            .await?;
        if renewed == 0 {
            rescue.stale.push(ticket);
        }
    }
    failpoint::reach("lease.renewed");
    rescue.discarded = diesel::update(lapsed(&now).filter(work::attempt.ge(work::max_attempts)))
        .set((
            work::state.eq(State::Discarded),
            work::lease_until.eq(None::<Utc>),
            work::finished_at.eq(now),
            work::last_error.eq(LOST),
        ))
        .execute(connection)
        .await?;
    let is_first_loss = work::attempt.lt(2).and(work::attempt.lt(work::max_attempts - 1));
    rescue.rescued = diesel::update(lapsed(&now).filter(is_first_loss))
        .set((work::state.eq(State::Retryable), work::lease_until.eq(None::<Utc>), work::due_at.eq(now)))
        .execute(connection)
        .await?;
    rescue.rescued += rescue_suspect(connection, lease, now).await?;
    Ok(rescue)
}

/// Rescues one of those that were lost before, or whose next attempt is the last, unless one has its turn already.
///
/// It may be what kills the process, or it may only have been beside that. One at a time, it is alone in dying: its
/// neighbours are not discarded for it. Whoever was lost longest ago comes first, so the guilty one comes last.
async fn rescue_suspect(connection: &mut Connection, lease: Duration, now: Utc) -> QueryResult<usize> {
    let longest_lost = lapsed(&now).order((work::lease_until, work::delivery_id));
    let suspect: Option<(i64, String)> =
        longest_lost.select((work::delivery_id, work::handler)).limit(1).get_result(connection).await.optional()?;
    let Some((delivery_id, handler)) = suspect else { return Ok(0) };
    // It runs, or is about to: where nobody claims it, because its handler is paused or gone, it holds nobody up.
    let has_turn = work::lease_until.ge(now).or(work::due_at.gt(now.before(lease)));
    let turns: i64 =
        work::table.filter(work::last_error.eq(SUSPECT)).filter(has_turn).count().get_result(connection).await?;
    if turns > 0 {
        return Ok(0);
    }
    diesel::update(work::table.find((delivery_id, handler)))
        .set((
            work::state.eq(State::Retryable),
            work::lease_until.eq(None::<Utc>),
            work::due_at.eq(now),
            work::last_error.eq(SUSPECT),
        ))
        .execute(connection)
        .await
}
