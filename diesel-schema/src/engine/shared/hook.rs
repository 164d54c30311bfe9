use std::time::Duration;

use diesel::prelude::{
    ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper,
};

use super::{Connection, RunQueryDsl, claim_of};
use crate::engine::update::update;
use crate::schema::work::due_hooks;
use crate::{DeliveryRow, EventKind, OwedHook, Standing, Ticket, Timestamp, WorkRow, deliveries, work};

/// Takes the hook that has been due for longest.
pub(crate) async fn take_hook(
    connection: &mut Connection,
    handler: &str,
    lease: Duration,
    now: Timestamp,
) -> QueryResult<Option<OwedHook>> {
    loop {
        let due = due_hooks(handler, now).limit(1).select((WorkRow::as_select(), work::hook_due_at.assume_not_null()));
        let found: Option<(WorkRow, Timestamp)> = due.get_result(connection).await.optional()?;
        let Some((row, due_at)) = found else { return Ok(None) };
        let taken_until = now.after(lease);
        let free = work::table.find((row.delivery_id, handler)).filter(work::hook_due_at.eq(due_at));
        let taken = update(free, work::hook_due_at.eq(taken_until)).execute(connection).await?;
        if taken == 1
            && let Some(owed) = owed(connection, row, taken_until).await?
        {
            return Ok(Some(owed));
        }
    }
}

/// A hook with the arguments of its call. A delivery in words of a later version is left to that version.
async fn owed(connection: &mut Connection, row: WorkRow, taken_until: Timestamp) -> QueryResult<Option<OwedHook>> {
    let delivery = deliveries::table
        .find(row.delivery_id)
        .filter(deliveries::event.eq_any(EventKind::ALL))
        .filter(deliveries::standing.eq_any(Standing::ALL))
        .select(DeliveryRow::as_select());
    let Some(delivery): Option<DeliveryRow> = delivery.get_result(connection).await.optional()? else {
        return Ok(None);
    };
    let attempts = (row.attempt, row.max_attempts);
    let claim = claim_of(connection, Ticket::from_row(&row, row.epoch), attempts, delivery).await?;
    Ok(Some(OwedHook {
        delivery_id: row.delivery_id,
        handler: row.handler,
        taken_until,
        discarded_at: row.finished_at.unwrap_or(taken_until),
        error: row.last_error.unwrap_or_default(),
        claim,
    }))
}

/// Ends a taken hook: it is not owed any more, or owed again after a pause.
pub(crate) async fn settle_hook(
    connection: &mut Connection,
    owed: &OwedHook,
    pause: Option<Duration>,
    now: Timestamp,
) -> QueryResult<bool> {
    let taken = work::table.find((owed.delivery_id, &owed.handler)).filter(work::hook_due_at.eq(owed.taken_until));
    let due_at = pause.map(|pause| now.after(pause));
    let settled = update(taken, work::hook_due_at.eq(due_at)).execute(connection).await?;
    Ok(settled == 1)
}
