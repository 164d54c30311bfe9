use std::collections::{HashMap, HashSet};
use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::try_join4;

use super::Connection;
use crate::tables::deliveries::{body_before, understood};
use crate::tables::results::superseded;
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
        let free = claimable(handler, &now, missing).filter(work::delivery_id.ne_all(unreadable.clone()));
        let free = free.for_update().skip_locked().select(WorkRow::as_select());
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
async fn take(
    connection: &Connection,
    handler: &str,
    rows: Vec<WorkRow>,
    lease_until: Utc,
    unreadable: &mut Vec<i64>,
) -> QueryResult<Vec<Claim>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.delivery_id).collect();
    let (mut reader, mut judge, mut former, mut writer) = (connection, connection, connection, connection);
    let readable = || understood().filter(deliveries::id.eq_any(&ids));
    let taken = work::table
        .filter(work::handler.eq(handler))
        .filter(work::delivery_id.eq_any(readable().select(deliveries::id)));
    let running = (
        work::state.eq(State::Running),
        work::attempt.eq(work::attempt + 1),
        work::epoch.eq(work::epoch + 1),
        work::due_at.eq(None::<Utc>),
        work::lease_until.eq(lease_until),
    );
    let (deliveries, superseded, mut former_bodies, _) = try_join4(
        readable().select(DeliveryRow::as_select()).load(&mut reader),
        superseded().filter(deliveries::id.eq_any(&ids)).load(&mut judge),
        body_before().filter(deliveries::id.eq_any(&ids)).load::<(i64, Option<Vec<u8>>)>(&mut former),
        update(taken, running).execute(&mut writer),
    )
    .await?;
    let mut deliveries: HashMap<i64, DeliveryRow> = deliveries.into_iter().map(|row| (row.id, row)).collect();
    let superseded: HashSet<i64> = superseded.into_iter().collect();
    let mut former_bodies: HashMap<i64, Option<Vec<u8>>> = former_bodies.drain(..).collect();
    let mut claims = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.delivery_id;
        let Some(delivery) = deliveries.remove(&id) else {
            unreadable.push(id);
            continue;
        };
        claims.push(Claim {
            ticket: Ticket { delivery_id: id, handler: row.handler, epoch: row.epoch + 1 },
            attempt: row.attempt + 1,
            max_attempts: row.max_attempts,
            delivery,
            former_body: former_bodies.remove(&id).flatten(),
            is_superseded: superseded.contains(&id),
        });
    }
    Ok(claims)
}
