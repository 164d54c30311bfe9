use std::time::Duration;

use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl};
use crate::backend::Rescue;
use crate::tables::work::{held, lapsed};
use crate::{State, Ticket, Utc, failpoint, work};

/// What the operator reads where the last attempt never came back.
const LOST: &str = "the lease lapsed: the process died, hung or was cut off during the last attempt";

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
    rescue.rescued = diesel::update(lapsed(&now))
        .set((work::state.eq(State::Retryable), work::lease_until.eq(None::<Utc>), work::due_at.eq(now)))
        .execute(connection)
        .await?;
    Ok(rescue)
}
