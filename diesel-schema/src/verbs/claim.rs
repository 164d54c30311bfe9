use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};

use super::{Connection, RunQueryDsl};
use crate::tables::deliveries::body_of_version;
use crate::tables::results::current_delivery;
use crate::{Claim, DeliveryRow, State, Ticket, Utc, WorkRow, deliveries, work};

/// Claims a row that was selected as claimable. Nothing is changed where its delivery cannot be read.
pub(crate) async fn take_one(connection: &mut Connection, row: WorkRow, lease_until: Utc) -> QueryResult<Claim> {
    let delivery: DeliveryRow =
        deliveries::table.find(row.delivery_id).select(DeliveryRow::as_select()).get_result(connection).await?;
    let ticket = Ticket { delivery_id: row.delivery_id, handler: row.handler, epoch: row.epoch + 1 };
    let attempt = row.attempt + 1;
    diesel::update(work::table.find((ticket.delivery_id, &ticket.handler)))
        .set((
            work::state.eq(State::Running),
            work::attempt.eq(attempt),
            work::epoch.eq(ticket.epoch),
            work::due_at.eq(None::<Utc>),
            work::lease_until.eq(lease_until),
        ))
        .execute(connection)
        .await?;
    let result_id = delivery.result_id.as_deref().unwrap_or_default();
    let current: Option<i64> =
        current_delivery(&delivery.endpoint, result_id).get_result(connection).await.optional()?;
    let former_body: Option<Option<Vec<u8>>> = match delivery.version {
        Some(version) if version > 1 => {
            let former = body_of_version(row.first_delivery_id, version - 1);
            former.get_result(connection).await.optional()?
        }
        _ => None,
    };
    Ok(Claim {
        ticket,
        attempt,
        max_attempts: row.max_attempts,
        is_superseded: current.is_some_and(|current| current > delivery.id),
        delivery,
        former_body: former_body.flatten(),
    })
}
