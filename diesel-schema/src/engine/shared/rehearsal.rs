use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl, add_changes, delivery};
use crate::schema::versions::completed_before;
use crate::{Claim, Line, Preview, Ticket, results, work};

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
    let former: Option<(i64, Option<Vec<u8>>)> = match delivery.version {
        Some(version) if version > 1 => {
            let former = completed_before(first_delivery_id, version, handler).limit(1);
            former.get_result(connection).await.optional()?
        }
        _ => None,
    };
    let (former_version, former_body) = former.map_or((None, None), |(version, body)| (Some(version), body));
    let epoch = Ticket::new_epoch();
    let handler = handler.to_owned();
    let ticket = Ticket { delivery_id, handler, first_delivery_id, epoch, has_attempts: false };
    let is_leased = is_leased(connection, &ticket.line()).await?;
    let mut claim = Claim {
        ticket,
        attempt: 1,
        max_attempts: 1,
        is_superseded: current.is_some_and(|current| current > delivery_id),
        delivery,
        former_version,
        former_body,
        changes_since: Vec::new(),
    };
    add_changes(connection, &mut claim).await?;
    Ok(Some(Preview { claim, is_leased }))
}
