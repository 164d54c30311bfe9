use diesel::prelude::{OptionalExtension, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl, add_changes};
use crate::schema::versions::completed_before;
use crate::{Claim, DeliveryRow, Ticket, results};

/// A delivery as its handler is told of it outside of an attempt: in a hook, or in a rehearsal. Nothing is written.
pub(crate) async fn claim_of(
    connection: &mut Connection,
    ticket: Ticket,
    (attempt, max_attempts): (i32, i32),
    delivery: DeliveryRow,
) -> QueryResult<Claim> {
    let key = (&delivery.endpoint, delivery.result_id.as_deref().unwrap_or_default());
    let current = results::table.find(key).select(results::delivery_id);
    let current: Option<i64> = current.get_result(connection).await.optional()?;
    let former: Option<(i64, Option<Vec<u8>>)> = match delivery.version {
        Some(version) => {
            let former = completed_before(ticket.first_delivery_id, version, &ticket.handler).limit(1);
            former.get_result(connection).await.optional()?
        }
        None => None,
    };
    let (former_version, former_body) = former.map_or((None, None), |(version, body)| (Some(version), body));
    let mut claim = Claim {
        ticket,
        attempt,
        max_attempts,
        is_superseded: current.is_some_and(|current| current > delivery.id),
        delivery,
        former_version,
        former_body,
        changes_since: Vec::new(),
    };
    add_changes(connection, &mut claim).await?;
    Ok(claim)
}
