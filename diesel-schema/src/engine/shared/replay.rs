use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};

use super::audit::add_to_audit;
use super::{Connection, RunQueryDsl, advance, keep_delivery, lock_idle, promote_lines};
use crate::rules::error_group::error_group;
use crate::{DeliveryRow, Line, Requeue, Requeued, State, Step, Stopped, Timestamp, deliveries, work};

/// The text on work that an operator gave up.
const DISCARDED: &str = "discarded by an operator";

/// Makes work wait again, from its first attempt. Running work, and rows that another transaction has locked, are left
/// alone.
pub(crate) async fn requeue(
    connection: &mut Connection,
    items: &[Requeue],
    step: &Step,
    now: Timestamp,
) -> QueryResult<Result<Requeued, Stopped>> {
    if let Err(stopped) = advance(connection, step, 0, now).await? {
        return Ok(Err(stopped));
    }
    let mut requeued = Requeued::default();
    let mut lines = Vec::new();
    let idle = lock_idle(connection, items.iter().map(Requeue::key)).await?;
    for item in items {
        let is_idle = idle.contains(&(item.delivery_id, item.line.handler.clone()));
        let rows = match item.max_attempts {
            _ if is_idle => requeue_one(connection, item).await?,
            Some(max_attempts) => make(connection, item, max_attempts).await?,
            None => 0,
        };
        if rows == 0 {
            requeued.left_alone += 1;
        } else {
            requeued.work += 1;
            lines.push(item.line.clone());
        }
    }
    lines.sort();
    lines.dedup();
    promote_lines(connection, &lines).await?;
    add_to_audit(connection, step.execution.audit_id, requeued.work).await?;
    Ok(Ok(requeued))
}

/// Makes work wait again that exists and does not run.
async fn requeue_one(connection: &mut Connection, item: &Requeue) -> QueryResult<usize> {
    let row = work::table.find((item.delivery_id, &item.line.handler));
    let waiting = (
        work::state.eq(State::Pending),
        work::attempt.eq(0),
        work::due_at.eq(None::<Timestamp>),
        work::finished_at.eq(None::<Timestamp>),
        work::error_group.eq(None::<String>),
        work::last_error.eq(None::<String>),
        // The work has not failed for good after all.
        work::hook_due_at.eq(None::<Timestamp>),
        work::dismissed_at.eq(None::<Timestamp>),
        // It gets an attempt, also where a newer version has overtaken it.
        work::is_replayed.eq(true),
    );
    let rows = diesel::update(row).set(waiting).execute(connection).await?;
    if let Some(max_attempts) = item.max_attempts {
        diesel::update(row).set(work::max_attempts.eq(max_attempts)).execute(connection).await?;
    }
    Ok(rows)
}

/// Makes work that a delivery never had.
async fn make(connection: &mut Connection, item: &Requeue, max_attempts: i32) -> QueryResult<usize> {
    if !keep_delivery(connection, item.delivery_id).await? {
        return Ok(0);
    }
    let row = (
        work::delivery_id.eq(item.delivery_id),
        work::handler.eq(&item.line.handler),
        work::first_delivery_id.eq(item.line.first_delivery_id),
        work::max_attempts.eq(max_attempts),
        work::is_first.eq(false),
        work::is_replayed.eq(true),
    );
    diesel::insert_into(work::table).values(row).on_conflict_do_nothing().execute(connection).await
}

/// Gives up waiting work. Running work, and rows that another transaction has locked, are left alone.
pub(crate) async fn discard(
    connection: &mut Connection,
    pairs: &[(i64, Line)],
    step: &Step,
    now: Timestamp,
) -> QueryResult<Result<u64, Stopped>> {
    if let Err(stopped) = advance(connection, step, 0, now).await? {
        return Ok(Err(stopped));
    }
    give_up(connection, pairs, DISCARDED, Some(step.execution.audit_id), now).await.map(Ok)
}

/// The same for a reason, which an operator reads on each row.
pub(super) async fn give_up(
    connection: &mut Connection,
    pairs: &[(i64, Line)],
    reason: &str,
    audit_id: Option<i64>,
    now: Timestamp,
) -> QueryResult<u64> {
    let mut discarded = 0;
    let mut lines = Vec::new();
    let idle = lock_idle(connection, pairs.iter().map(|(id, line)| (*id, line.handler.as_str()))).await?;
    for (id, line) in pairs.iter().filter(|(id, line)| idle.contains(&(*id, line.handler.clone()))) {
        let waiting = work::table.find((*id, &line.handler)).filter(work::finished_at.is_null());
        let given_up = (
            work::state.eq(State::Discarded),
            work::due_at.eq(None::<Timestamp>),
            work::finished_at.eq(now),
            work::last_error.eq(reason),
            work::error_group.eq(error_group(reason)),
            work::is_first.eq(false),
            // An older version of the program makes work wait again, and leaves its owed hook.
            work::hook_due_at.eq(None::<Timestamp>),
        );
        if diesel::update(waiting).set(given_up).execute(connection).await? == 1 {
            discarded += 1;
            lines.push(line.clone());
        }
    }
    lines.sort();
    lines.dedup();
    promote_lines(connection, &lines).await?;
    if let Some(audit_id) = audit_id {
        add_to_audit(connection, audit_id, discarded).await?;
    }
    Ok(discarded)
}

/// A stored delivery.
pub(crate) async fn delivery(connection: &mut Connection, id: i64) -> QueryResult<Option<DeliveryRow>> {
    let row = deliveries::table.find(id).select(DeliveryRow::as_select());
    row.get_result(connection).await.optional()
}
