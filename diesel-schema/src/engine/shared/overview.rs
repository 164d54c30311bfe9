use diesel::dsl::{min, sql};
use diesel::prelude::{ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl};
use crate::{Overview, Timestamp, deliveries, work};

/// The condition of waiting lines, in the words of the index of claims.
const WAITS: &str = "is_first AND lease_until IS NULL AND finished_at IS NULL";

pub(crate) async fn overview(connection: &mut Connection, now: Timestamp) -> QueryResult<Overview> {
    let last = deliveries::table.order(deliveries::id.desc()).select(deliveries::received_at).limit(1);
    let last_received: Option<Timestamp> = last.get_result(connection).await.optional()?;
    let waits = || work::table.filter(sql::<Bool>(WAITS));
    // Work that has never failed has no due time of its own: its delivery's age tells.
    let never_failed: Option<i64> =
        waits().filter(work::due_at.is_null()).select(min(work::delivery_id)).get_result(connection).await?;
    let came: Option<Timestamp> = match never_failed {
        Some(id) => {
            let came = deliveries::table.find(id).select(deliveries::received_at);
            came.get_result(connection).await.optional()?
        }
        None => None,
    };
    let failed = waits().filter(work::due_at.le(now)).select(work::due_at.assume_not_null()).order(work::due_at);
    let failed: Option<Timestamp> = failed.limit(1).get_result(connection).await.optional()?;
    Ok(Overview { oldest_due: came.into_iter().chain(failed).min(), last_received })
}
