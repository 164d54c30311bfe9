use std::time::Duration;

use diesel::prelude::{ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult};

use super::watch::next_waiting_handler;
use super::{Connection, RunQueryDsl};
use crate::schema::work::{DueFrom, claimable};
use crate::{Overview, Timestamp, deliveries, work};

/// Every due time is later than this long ago.
const LONG_AGO: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

pub(crate) async fn overview(connection: &mut Connection, now: Timestamp) -> QueryResult<Overview> {
    let last = deliveries::table.order(deliveries::id.desc()).select(deliveries::received_at).limit(1);
    let last_received: Option<Timestamp> = last.get_result(connection).await.optional()?;
    let (mut oldest_due, mut handler) = (None::<Timestamp>, String::new());
    loop {
        let next = next_waiting_handler(connection, &handler).await?;
        let Some(next) = next else { return Ok(Overview { oldest_due, last_received }) };
        handler = next;
        let due = self::oldest_due(connection, &handler, now).await?;
        oldest_due = oldest_due.into_iter().chain(due).min();
    }
}

/// Since when the work of a handler that is due for longest has been due.
pub(super) async fn oldest_due(
    connection: &mut Connection,
    handler: &str,
    now: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    let first = claimable(handler, &now).select((work::delivery_id, work::due_at)).limit(1);
    let first: Option<(i64, Option<Timestamp>)> = first.get_result(connection).await.optional()?;
    let Some((delivery_id, due_at)) = first else { return Ok(None) };
    if due_at.is_some() {
        return Ok(due_at);
    }
    // Work that has never failed has no due time of its own: its delivery's age tells. In the index it comes first.
    let came = deliveries::table.find(delivery_id).select(deliveries::received_at);
    let came: Option<Timestamp> = came.get_result(connection).await.optional()?;
    let long_ago = now.before(LONG_AGO);
    let failed = claimable(handler, &now).filter(DueFrom.gt(&long_ago)).select(work::due_at.assume_not_null());
    let failed: Option<Timestamp> = failed.limit(1).get_result(connection).await.optional()?;
    Ok(came.into_iter().chain(failed).min())
}
