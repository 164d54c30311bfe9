use diesel::dsl::{exists, not};
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
};

use super::{Connection, RunQueryDsl};
use crate::tables::work::unfinished;
use crate::{PruneStep, Utc, deliveries, failpoint, results};

pub(crate) async fn prune_bodies(connection: &mut Connection, before: Utc, limit: i64) -> QueryResult<u64> {
    let old: Vec<i64> = deliveries::table
        .filter(deliveries::body.is_not_null())
        .filter(deliveries::received_at.lt(before))
        .filter(not(exists(unfinished())))
        .order(deliveries::received_at)
        .limit(limit)
        .select(deliveries::id)
        .load(connection)
        .await?;
    if !old.is_empty() {
        let rows = deliveries::table.filter(deliveries::id.eq_any(&old));
        diesel::update(rows).set(deliveries::body.eq(None::<Vec<u8>>)).execute(connection).await?;
    }
    failpoint::reach("prune.bodies");
    Ok(old.len() as u64)
}

/// Looks at the next `limit` deliveries, and removes what may be, as one set.
pub(crate) async fn prune_deliveries(
    connection: &mut Connection,
    before: Utc,
    after_id: i64,
    limit: i64,
) -> QueryResult<PruneStep> {
    let next = deliveries::table.filter(deliveries::id.gt(after_id));
    let last_id = next.order(deliveries::id).select(deliveries::id).limit(1).offset(limit - 1);
    let last_id: Option<i64> = last_id.get_result(connection).await.optional()?;
    let window = next.filter(deliveries::id.le(last_id.unwrap_or(i64::MAX)));
    let old = window.filter(deliveries::received_at.lt(before));
    // Ids rise with the time of storing. A clock that was wrong for a while makes some rows of a window look young, not all.
    let any_old: Option<i64> = old.select(deliveries::id).limit(1).get_result(connection).await.optional()?;
    if any_old.is_none() {
        return Ok(PruneStep { removed: 0, next_after: None });
    }
    let is_state = results::table
        .filter(results::delivery_id.eq(deliveries::id).or(results::late_delivery_id.eq(deliveries::id.nullable())));
    let removable = old.filter(not(exists(is_state))).filter(not(exists(unfinished())));
    let removed = diesel::delete(removable).execute(connection).await?;
    Ok(PruneStep { removed: removed as u64, next_after: last_id })
}
