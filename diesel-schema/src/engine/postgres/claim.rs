use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::try_join;

use super::former::CompletedBefore;
use super::lookup::{current_of_delivery, understood};
use super::{Connection, shared};
use crate::engine::claim::ClaimBudget;
use crate::engine::update::update;
use crate::schema::work::{body_size, claimable};
use crate::{Claim, ClaimRequest, Claimed, DeliveryRow, Line, State, Ticket, Timestamp, WorkRow, deliveries, work};

/// The select itself locks the rows that it finds, so the claims never exceed the limit, under any plan. Rows that
/// another process is about to claim are skipped. Others have passed over a row that is locked and left waiting: its line
/// is promoted at the end.
pub(super) async fn claim(connection: &mut Connection, request: &ClaimRequest, now: Timestamp) -> QueryResult<Claimed> {
    let mut budget = ClaimBudget::new(request);
    let limit = i64::try_from(request.limit).unwrap_or(i64::MAX);
    let (mut claims, mut unreadable, mut left) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let missing = limit - i64::try_from(claims.len()).unwrap_or(limit);
        let free = claimable(&request.handler, &now).filter(work::delivery_id.ne_all(unreadable.clone()));
        let free = free.limit(missing).for_update().skip_locked().select((WorkRow::as_select(), body_size()));
        let found: Vec<(WorkRow, Option<i32>)> = free.load(connection).await?;
        let is_cut = i64::try_from(found.len()) == Ok(missing);
        let (fit, over): (Vec<_>, Vec<_>) = found.into_iter().partition(|(row, size)| budget.takes(row, *size));
        let (mut taken, skipped) =
            take(connection, request, fit.into_iter().map(|(row, _)| row).collect(), now).await?;
        for claim in &mut taken {
            shared::add_changes(connection, claim).await?;
        }
        claims.extend(taken);
        unreadable.extend(skipped.iter().map(|row| row.delivery_id));
        left.extend(over.iter().map(|(row, _)| row).chain(&skipped).map(line));
        if skipped.is_empty() {
            shared::skip_overtaken_in(connection, left, now).await?;
            return Ok(Claimed { claims, is_cut: is_cut || budget.is_cut(), has_promoted: false });
        }
    }
}

/// Claims rows that were locked as claimable, in one round trip. Rows with words of a later version, which runs beside
/// this one, are left to that version: the rows behind them are ours. Gives back the claims, and the rows that are left.
///
/// Subqueries with one value look up the other columns row by row. A join that was planned while the tables were small
/// reads all of them, and goes on to do so while they grow.
pub(super) async fn take(
    connection: &Connection,
    request: &ClaimRequest,
    rows: Vec<WorkRow>,
    now: Timestamp,
) -> QueryResult<(Vec<Claim>, Vec<WorkRow>)> {
    if rows.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let epoch = Ticket::new_epoch();
    let ids: Vec<i64> = rows.iter().map(|row| row.delivery_id).collect();
    let (mut reader, mut writer) = (connection, connection);
    let with_others =
        (DeliveryRow::as_select(), CompletedBefore { handler: &request.handler }, current_of_delivery().single_value());
    let readable = understood().filter(deliveries::id.eq(work::delivery_id)).select(deliveries::id);
    let taken = work::table
        .filter(work::handler.eq(&*request.handler))
        .filter(work::delivery_id.eq_any(&ids))
        .filter(work::delivery_id.nullable().eq(readable.single_value()));
    let running = (
        work::state.eq(State::Running),
        work::attempt.eq(work::attempt + 1),
        work::epoch.eq(epoch),
        work::due_at.eq(None::<Timestamp>),
        work::measured_from.eq(now),
        work::started_at.eq(now),
        work::lease_until.eq(now.after(request.lease)),
    );
    let (deliveries, _) = try_join(
        understood().filter(deliveries::id.eq_any(&ids)).select(with_others).load::<Found>(&mut reader),
        update(taken, running).execute(&mut writer),
    )
    .await?;
    let mut deliveries: HashMap<i64, Found> = deliveries.into_iter().map(|found| (found.0.id, found)).collect();
    let (mut claims, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let id = row.delivery_id;
        let Some((delivery, former, current_delivery_id)) = deliveries.remove(&id) else {
            unreadable.push(row);
            continue;
        };
        let (former_version, former_body) = former.map_or((None, None), |(version, body)| (Some(version), body));
        claims.push(Claim {
            ticket: Ticket::from_row(&row, epoch),
            attempt: row.attempt + 1,
            max_attempts: row.max_attempts,
            delivery,
            former_version,
            former_body,
            changes_since: Vec::new(),
            is_superseded: current_delivery_id.is_some_and(|current| current > id),
        });
    }
    Ok((claims, unreadable))
}

/// The line that a row is in.
fn line(row: &WorkRow) -> Line {
    Line { first_delivery_id: row.first_delivery_id, handler: row.handler.clone() }
}

/// A delivery, the version before it that the handler has completed, and the delivery that its result stands at.
type Found = (DeliveryRow, Option<(i64, Option<Vec<u8>>)>, Option<i64>);
