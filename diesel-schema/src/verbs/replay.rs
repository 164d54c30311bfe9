use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, IntoSql, QueryDsl, QueryResult, SelectableHelper};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl};
use crate::selection::selected;
use crate::{DeliveryRow, HandlerSpec, Pace, Requeued, Selection, Standing, State, Step, Utc, deliveries, work};

/// What an operator who gave work up is quoted with.
const DISCARDED: &str = "discarded by an operator";

pub(crate) async fn count(connection: &mut Connection, selection: &Selection) -> QueryResult<u64> {
    let count: i64 = selected(selection).count().get_result(connection).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(crate) async fn requeue(
    connection: &mut Connection,
    selection: &Selection,
    handlers: &[HandlerSpec],
    pace: Pace,
    limit: i64,
) -> QueryResult<Requeued> {
    let rows: Vec<DeliveryRow> = selected(selection)
        .order(deliveries::id)
        .limit(limit)
        .select(DeliveryRow::as_select())
        .load(connection)
        .await?;
    let last_id = rows.last().map(|row| row.id);
    let mut requeued = Requeued { work: 0, pace, quarantined: Vec::new(), last_id };
    for row in rows {
        if row.standing == Standing::Quarantined {
            requeued.quarantined.push(row);
            continue;
        }
        let due_at = requeued.pace.next_due();
        for handler in handlers.iter().filter(|handler| row.standing == Standing::Current || handler.takes_late) {
            requeued.work += requeue_one(connection, &row, handler, due_at).await?;
        }
    }
    Ok(requeued)
}

async fn requeue_one(
    connection: &mut Connection,
    delivery: &DeliveryRow,
    handler: &HandlerSpec,
    due_at: Utc,
) -> QueryResult<u64> {
    let Some(first_delivery_id) = delivery.first_delivery_id else { return Ok(0) };
    let waiting = (
        work::state.eq(State::Pending),
        work::attempt.eq(0),
        work::max_attempts.eq(handler.max_attempts),
        work::due_at.eq(due_at),
        work::finished_at.eq(None::<Utc>),
        work::last_error.eq(None::<String>),
    );
    let key = (
        work::delivery_id.eq(delivery.id),
        work::handler.eq(&handler.name),
        work::first_delivery_id.eq(first_delivery_id),
    );
    let upsert = diesel::insert_into(work::table)
        .values((key, waiting.clone()))
        .on_conflict((work::delivery_id, work::handler))
        .do_update()
        .set(waiting);
    let rows = diesel::query_dsl::methods::FilterDsl::filter(upsert, work::state.ne(State::Running))
        .execute(connection)
        .await?;
    Ok(rows as u64)
}

pub(crate) async fn discard(
    connection: &mut Connection,
    selection: &Selection,
    handler: Option<&str>,
    limit: i64,
    now: Utc,
) -> QueryResult<Step> {
    let ids: Vec<i64> =
        selected(selection).order(deliveries::id).limit(limit).select(deliveries::id).load(connection).await?;
    let mut step = Step { rows: 0, last_id: ids.last().copied() };
    for id in ids {
        let of_handler = work::handler.eq(handler.unwrap_or_default()).or(handler.is_none().into_sql::<Bool>());
        let waiting = work::table.filter(work::delivery_id.eq(id)).filter(work::due_at.is_not_null());
        let rows = diesel::update(waiting)
            .filter(of_handler)
            .set((
                work::state.eq(State::Discarded),
                work::due_at.eq(None::<Utc>),
                work::finished_at.eq(now),
                work::last_error.eq(DISCARDED),
            ))
            .execute(connection)
            .await?;
        step.rows += rows as u64;
    }
    Ok(step)
}
