use std::collections::HashMap;
use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::try_join;

use super::Connection;
use crate::tables::deliveries::{body_before, understood};
use crate::tables::results::current_of_delivery;
use crate::tables::work::claimable;
use crate::update::update;
use crate::{Claim, DeliveryRow, State, Ticket, Utc, WorkRow, deliveries, work};

/// The select itself locks what it finds, so never more than `limit` rows are claimed, whatever the planner makes of
/// it. What another process is about to claim is skipped.
pub(super) async fn claim(
    connection: &mut Connection,
    handler: &str,
    limit: i64,
    lease: Duration,
    now: Utc,
) -> QueryResult<Vec<Claim>> {
    let (mut claims, mut unreadable) = (Vec::new(), Vec::new());
    loop {
        let missing = limit - i64::try_from(claims.len()).unwrap_or(limit);
        let free = claimable(handler, &now).filter(work::delivery_id.ne_all(unreadable.clone()));
        let free = free.limit(missing).for_update().skip_locked().select(WorkRow::as_select());
        let rows: Vec<WorkRow> = free.load(connection).await?;
        let known = unreadable.len();
        if !rows.is_empty() {
            claims.extend(take(connection, handler, rows, now.after(lease), &mut unreadable).await?);
        }
        if unreadable.len() == known {
            return Ok(claims);
        }
    }
}

/// Claims rows that were locked as claimable, in one round trip. Those with words of a later version, which runs beside
/// this one, are left to it: what waits behind them is ours.
///
/// What belongs to a row is asked for row by row, by subqueries that have one value: a join that was planned while the
/// tables were small reads all of them, and goes on to do so while they grow.
async fn take(
    connection: &Connection,
    handler: &str,
    rows: Vec<WorkRow>,
    lease_until: Utc,
    unreadable: &mut Vec<i64>,
) -> QueryResult<Vec<Claim>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.delivery_id).collect();
    let (mut reader, mut writer) = (connection, connection);
    let with_others = (DeliveryRow::as_select(), body_before().single_value(), current_of_delivery().single_value());
    let readable = understood().filter(deliveries::id.eq(work::delivery_id)).select(deliveries::id);
    let taken = work::table
        .filter(work::handler.eq(handler))
        .filter(work::delivery_id.eq_any(&ids))
        .filter(work::delivery_id.nullable().eq(readable.single_value()));
    let running = (
        work::state.eq(State::Running),
        work::attempt.eq(work::attempt + 1),
        work::epoch.eq(work::epoch + 1),
        work::due_at.eq(None::<Utc>),
        work::lease_until.eq(lease_until),
    );
    let (deliveries, _) = try_join(
        understood().filter(deliveries::id.eq_any(&ids)).select(with_others).load::<Found>(&mut reader),
        update(taken, running).execute(&mut writer),
    )
    .await?;
    let mut deliveries: HashMap<i64, Found> = deliveries.into_iter().map(|found| (found.0.id, found)).collect();
    let mut claims = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.delivery_id;
        let Some((delivery, former_body, current_delivery_id)) = deliveries.remove(&id) else {
            unreadable.push(id);
            continue;
        };
        claims.push(Claim {
            ticket: Ticket { delivery_id: id, handler: row.handler, epoch: row.epoch + 1 },
            attempt: row.attempt + 1,
            max_attempts: row.max_attempts,
            delivery,
            former_body,
            is_superseded: current_delivery_id.is_some_and(|current| current > id),
        });
    }
    Ok(claims)
}

/// A delivery, the body of the version before it, and the delivery that its result stands at.
type Found = (DeliveryRow, Option<Vec<u8>>, Option<i64>);
