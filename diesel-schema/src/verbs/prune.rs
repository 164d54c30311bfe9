use diesel::dsl::{exists, not};
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl};
use crate::tables::work::unfinished;
use crate::update::update;
use crate::{Step, Utc, deliveries, failpoint, results};

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
    for id in &old {
        update(deliveries::table.find(id), deliveries::body.eq(None::<Vec<u8>>)).execute(connection).await?;
    }
    failpoint::reach("prune.bodies");
    Ok(old.len() as u64)
}

pub(crate) async fn prune_deliveries(
    connection: &mut Connection,
    before: Utc,
    after_id: i64,
    limit: i64,
) -> QueryResult<Step> {
    // Ids rise with the time of storing, so the walk ends at the first that is young enough.
    let seen: Vec<(i64, Utc)> = deliveries::table
        .filter(deliveries::id.gt(after_id))
        .order(deliveries::id)
        .limit(limit)
        .select((deliveries::id, deliveries::received_at))
        .load(connection)
        .await?;
    let mut step = Step::default();
    for (id, received_at) in seen {
        if received_at >= before {
            step.last_id = None;
            return Ok(step);
        }
        let is_state = results::table.filter(
            results::delivery_id.eq(deliveries::id).or(results::late_delivery_id.eq(deliveries::id.nullable())),
        );
        let removable = deliveries::table
            .filter(deliveries::id.eq(id))
            .filter(not(exists(is_state)))
            .filter(not(exists(unfinished())));
        step.rows += diesel::delete(removable).execute(connection).await? as u64;
        step.last_id = Some(id);
    }
    Ok(step)
}
