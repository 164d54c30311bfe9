use std::time::Duration;

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl};
use crate::backend::Rescue;
use crate::{State, Utc, work};

/// What the operator reads where the last attempt never came back.
const LOST: &str = "the lease lapsed: the process died, hung or was cut off during the last attempt";

/// What the operator reads where that happened before the last attempt, and not for the first time.
const SUSPECT: &str = "the lease lapsed: the process died, hung or was cut off during more than one attempt";

/// Work whose lease has lapsed: delivery, handler, attempts so far, and the most that it may have.
pub(crate) type Lost = (i64, String, i32, i32);

/// Frees what was lost, the longest lost first: gives up what has no attempt left, lets the rest wait again.
///
/// Of those that were lost before, or whose next attempt is the last, one alone has its turn. It may be what kills
/// the process, or it may only have been beside that. One at a time, it is alone in dying: its neighbours are not
/// discarded for it. Whoever was lost longest ago comes first, so the guilty one comes last.
pub(crate) async fn rescue(
    connection: &mut Connection,
    lost: Vec<Lost>,
    lease: Duration,
    now: Utc,
    rescue: &mut Rescue,
) -> QueryResult<()> {
    let mut suspect = None;
    for (delivery_id, handler, attempt, max_attempts) in lost {
        if attempt >= max_attempts {
            let given_up = (work::state.eq(State::Discarded), work::finished_at.eq(now), work::last_error.eq(LOST));
            let row = diesel::update(work::table.find((delivery_id, handler)));
            rescue.discarded += row.set((given_up, work::lease_until.eq(None::<Utc>))).execute(connection).await?;
        } else if attempt < 2 && attempt < max_attempts - 1 {
            let waiting = (work::state.eq(State::Retryable), work::due_at.eq(now));
            let row = diesel::update(work::table.find((delivery_id, handler)));
            rescue.rescued += row.set((waiting, work::lease_until.eq(None::<Utc>))).execute(connection).await?;
        } else {
            suspect.get_or_insert((delivery_id, handler));
        }
    }
    if let Some(key) = suspect {
        rescue.rescued += rescue_suspect(connection, key, lease, now).await?;
    }
    Ok(())
}

/// Rescues a suspect, unless another has its turn already.
async fn rescue_suspect(
    connection: &mut Connection,
    key: (i64, String),
    lease: Duration,
    now: Utc,
) -> QueryResult<usize> {
    // It runs, or is about to: where nobody claims it, because its handler is paused or gone, it holds nobody up.
    let has_turn = work::lease_until.ge(now).or(work::due_at.gt(now.before(lease)));
    let turns: i64 =
        work::table.filter(work::last_error.eq(SUSPECT)).filter(has_turn).count().get_result(connection).await?;
    if turns > 0 {
        return Ok(0);
    }
    diesel::update(work::table.find(key))
        .set((
            work::state.eq(State::Retryable),
            work::lease_until.eq(None::<Utc>),
            work::due_at.eq(now),
            work::last_error.eq(SUSPECT),
        ))
        .execute(connection)
        .await
}
