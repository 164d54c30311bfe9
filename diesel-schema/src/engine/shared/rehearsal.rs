use diesel::prelude::{BoolExpressionMethods as _, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl, delivery};
use crate::{Claim, Line, Preview, Ticket, deliveries, results, work};

/// Whether work of a line is leased. Only its first can be.
pub(crate) async fn is_leased(connection: &mut Connection, line: &Line) -> QueryResult<bool> {
    let leased = work::table
        .filter(work::first_delivery_id.eq(line.first_delivery_id))
        .filter(work::handler.eq(&line.handler))
        .filter(work::is_first)
        .filter(work::lease_until.is_not_null())
        .select(work::delivery_id);
    Ok(leased.get_result::<i64>(connection).await.optional()?.is_some())
}

/// A delivery as its handler would claim it. A handler that has no work on it can be rehearsed as well.
pub(crate) async fn preview(
    connection: &mut Connection,
    delivery_id: i64,
    handler: &str,
) -> QueryResult<Option<Preview>> {
    let Some(delivery) = delivery(connection, delivery_id).await? else { return Ok(None) };
    let Some(first_delivery_id) = delivery.first_delivery_id else { return Ok(None) };
    let key = (&delivery.endpoint, delivery.result_id.as_deref().unwrap_or_default());
    let current = results::table.find(key).select(results::delivery_id);
    let current: Option<i64> = current.get_result(connection).await.optional()?;
    let former_body: Option<Option<Vec<u8>>> = match delivery.version {
        Some(version) if version > 1 => {
            let of_version =
                deliveries::first_delivery_id.eq(first_delivery_id).and(deliveries::version.eq(version - 1));
            let former = deliveries::table.filter(of_version).select(deliveries::body);
            former.get_result(connection).await.optional()?
        }
        _ => None,
    };
    let epoch = Ticket::new_epoch();
    let handler = handler.to_owned();
    let ticket = Ticket { delivery_id, handler, first_delivery_id, epoch, has_attempts: false };
    let is_leased = is_leased(connection, &ticket.line()).await?;
    let claim = Claim {
        ticket,
        attempt: 1,
        max_attempts: 1,
        is_superseded: current.is_some_and(|current| current > delivery_id),
        delivery,
        former_body: former_body.flatten(),
    };
    Ok(Some(Preview { claim, is_leased }))
}
