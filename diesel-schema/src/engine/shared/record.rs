use std::collections::HashMap;

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};

use super::audit::add_to_audit;
use super::{Connection, RunQueryDsl, active_handlers, advance, skip_overtaken};
use crate::engine::insert::Insert;
use crate::engine::update::update;
use crate::rules::batch_plan::{BatchPlan, ReadSet, ResultChange};
use crate::rules::delivery::ResultKey;
use crate::rules::verdict::ResultState;
use crate::schema::results::ResultInsert;
use crate::{Line, NewDelivery, Recorded, ResultRow, Standing, Step, Stopped, Timestamp, deliveries, results};

/// The state of each result that the batch names, one by one.
pub(crate) async fn heads<'a>(
    connection: &mut Connection,
    batch: &'a [NewDelivery],
) -> QueryResult<HashMap<ResultKey<'a>, ResultState<'a>>> {
    let mut heads = HashMap::new();
    for delivery in batch {
        let Some(id) = delivery.result_id() else { continue };
        let key = (delivery.endpoint.as_str(), id);
        if heads.contains_key(&key) {
            continue;
        }
        let row: Option<ResultRow> =
            results::table.find(key).select(ResultRow::as_select()).get_result(connection).await.optional()?;
        if let Some(row) = row {
            heads.insert(key, ResultState::from(row));
        }
    }
    Ok(heads)
}

/// Writes a plan, one statement per row: each statement is prepared once per connection.
pub(crate) async fn write(connection: &mut Connection, plan: &BatchPlan<'_>, now: Timestamp) -> QueryResult<()> {
    for row in &plan.deliveries {
        Insert(row).execute(connection).await?;
    }
    for (id, (times, last)) in &plan.repeats {
        let came = (deliveries::repeat_count.eq(deliveries::repeat_count + times), deliveries::last_repeat_at.eq(last));
        update(deliveries::table.find(id), came).execute(connection).await?;
    }
    for advance in &plan.results {
        match advance {
            ResultChange::First(row) => Insert(row).execute(connection).await?,
            ResultChange::Next(ResultInsert { state, snapshot }) => {
                let row = results::table.find((state.endpoint, state.id));
                update(row, (state, *snapshot)).execute(connection).await?
            }
            ResultChange::Late { key, late_delivery_id } => {
                let pointer = results::late_delivery_id.eq(late_delivery_id);
                update(results::table.find(*key), pointer).execute(connection).await?
            }
        };
    }
    for row in &plan.work {
        Insert(row).execute(connection).await?;
    }
    for (first_delivery_id, handler) in &plan.overtaken {
        let line = Line { first_delivery_id: *first_delivery_id, handler: (*handler).to_owned() };
        skip_overtaken(connection, &line, None, now).await?;
    }
    Ok(())
}

/// Records a quarantined delivery under the id that it has already. Its work is that of one handler, or of all.
pub(crate) async fn admit(
    connection: &mut Connection,
    delivery_id: i64,
    delivery: &NewDelivery,
    handler: Option<&str>,
    step: &Step,
    now: Timestamp,
) -> QueryResult<Result<Option<Recorded>, Stopped>> {
    if let Err(stopped) = advance(connection, step, 0, now).await? {
        return Ok(Err(stopped));
    }
    let place = deliveries::table.find(delivery_id).filter(deliveries::standing.eq(Standing::Quarantined));
    if place.count().get_result::<i64>(connection).await? == 0 {
        return Ok(Ok(None));
    }
    let heads = heads(connection, std::slice::from_ref(delivery)).await?;
    let ground = ReadSet { heads, ids: [delivery_id].into(), ..ReadSet::default() };
    let mut handlers = active_handlers(connection).await?;
    if let Some(name) = handler {
        // An operator who names a handler wants it to have the selected deliveries, late ones too.
        handlers.retain_mut(|handler| {
            handler.takes_late = true;
            handler.name == name
        });
    }
    let mut plan = BatchPlan::for_admission(delivery, &handlers, ground, now);
    let recorded = plan.recorded.pop();
    if recorded.is_some_and(|recorded| recorded.standing == Standing::Repeat) {
        // A tombstone swallows the delivery, as it does a new one: the body is not kept.
        diesel::update(place).set(deliveries::body.eq(None::<Vec<u8>>)).execute(connection).await?;
        return Ok(Ok(recorded));
    }
    for row in plan.deliveries.drain(..) {
        let admitted = (row, deliveries::dismissed_at.eq(None::<Timestamp>));
        if diesel::update(place).set(admitted).execute(connection).await? == 0 {
            // Another process has pruned the delivery meanwhile, or was faster.
            return Ok(Ok(None));
        }
    }
    // The delivery may come before the rows of its lines: the first of a line is known once the new row is there.
    plan.work.iter_mut().for_each(|row| row.is_first = false);
    write(connection, &plan, now).await?;
    for row in &plan.work {
        let line = Line { first_delivery_id: row.first_delivery_id, handler: row.handler.to_owned() };
        skip_overtaken(connection, &line, None, now).await?;
    }
    add_to_audit(connection, step.execution.audit_id, 1).await?;
    Ok(Ok(recorded))
}
