use diesel::dsl::{count, exists, not};
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
};

use super::{Connection, RunQueryDsl, lock_deliveries};
use crate::schema::work::unfinished;
use crate::{Expiry, Prunable, PruneStep, Timestamp, deliveries, failpoint, results, work};

/// Whether a delivery has unfinished work. The offset keeps the planner from a join. Where it takes the table for a single
/// row, the join would read all work.
macro_rules! is_wanted {
    () => {
        exists(unfinished().select(work::delivery_id).offset(0))
    };
}

/// The deliveries of a query that are old enough, and that no result and no unfinished work needs.
macro_rules! removable {
    ($window:expr, $expiry:expr, $floor:expr) => {{
        let is_past = deliveries::received_at.lt($expiry.before);
        let is_ahead = deliveries::received_at.gt($expiry.now);
        let is_credible = deliveries::id.le($expiry.trusted_up_to).or(deliveries::received_at.ge($floor));
        let old = is_past.and(is_credible).or(is_ahead.and(deliveries::id.le($expiry.old_up_to)));
        let is_state = results::table.filter(
            results::delivery_id.eq(deliveries::id).or(results::late_delivery_id.eq(deliveries::id.nullable())),
        );
        $window.filter(old).filter(not(exists(is_state))).filter(not(is_wanted!()))
    }};
}

pub(crate) async fn prune_bodies(connection: &mut Connection, expiry: &Expiry, limit: i64) -> QueryResult<u64> {
    let floor = floor(connection, expiry).await?;
    let bodies = deliveries::table
        .filter(deliveries::body.is_not_null())
        .filter(not(is_wanted!()))
        .order(deliveries::received_at)
        .select(deliveries::id);
    let is_credible = deliveries::id.le(expiry.trusted_up_to).or(deliveries::received_at.ge(floor));
    let old = bodies.filter(deliveries::received_at.lt(expiry.before)).filter(is_credible).limit(limit);
    let mut old: Vec<i64> = old.load(connection).await?;
    if old.is_empty() {
        let ahead = bodies.filter(deliveries::received_at.gt(expiry.now)).filter(deliveries::id.le(expiry.old_up_to));
        old = ahead.limit(limit).load(connection).await?;
    }
    let mut pruned = 0;
    if !old.is_empty() {
        lock_deliveries(connection, &old).await?;
        // Work that was made to wait before the locks needs its body.
        let rows = deliveries::table.filter(deliveries::id.eq_any(&old)).filter(not(is_wanted!()));
        pruned = diesel::update(rows).set(deliveries::body.eq(None::<Vec<u8>>)).execute(connection).await?;
    }
    failpoint::reach("prune.bodies");
    Ok(pruned as u64)
}

/// Looks at the next `limit` deliveries, and removes the removable ones, as one set.
pub(crate) async fn prune_deliveries(
    connection: &mut Connection,
    expiry: &Expiry,
    after_id: i64,
    limit: i64,
) -> QueryResult<PruneStep> {
    let floor = floor(connection, expiry).await?;
    let next = deliveries::table.filter(deliveries::id.gt(after_id));
    let last_id = next.order(deliveries::id).select(deliveries::id).limit(1).offset(limit - 1);
    let last_id: Option<i64> = last_id.get_result(connection).await.optional()?;
    let window = next.filter(deliveries::id.le(last_id.unwrap_or(i64::MAX)));
    let is_past = deliveries::received_at.lt(expiry.before);
    let is_ahead = deliveries::received_at.gt(expiry.now);
    // Ids rise with the time of storing. A clock that was wrong for a while makes rows look younger than the rows that
    // follow them.
    let odd: Option<i64> =
        window.filter(is_past.or(is_ahead)).select(deliveries::id).limit(1).get_result(connection).await.optional()?;
    if odd.is_none() && last_id.is_none_or(|last_id| last_id > expiry.old_up_to) {
        return Ok(PruneStep { removed: 0, next_after: None });
    }
    let removable: Vec<i64> = removable!(window, expiry, floor).select(deliveries::id).load(connection).await?;
    let mut removed = 0;
    if !removable.is_empty() {
        lock_deliveries(connection, &removable).await?;
        // A delivery that was replayed or admitted before the locks is needed again.
        let locked = deliveries::table.filter(deliveries::id.eq_any(&removable));
        removed = diesel::delete(removable!(locked, expiry, floor)).execute(connection).await?;
    }
    Ok(PruneStep { removed: removed as u64, next_after: last_id })
}

/// Looks at the next `limit` deliveries, and counts the rows and bodies that pruning would remove.
pub(crate) async fn count_prunable(
    connection: &mut Connection,
    bodies: &Expiry,
    rows: &Expiry,
    after_id: i64,
    limit: i64,
) -> QueryResult<Prunable> {
    let (floor_of_bodies, floor_of_rows) = (floor(connection, bodies).await?, floor(connection, rows).await?);
    let next = deliveries::table.filter(deliveries::id.gt(after_id));
    let last_id = next.order(deliveries::id).select(deliveries::id).limit(1).offset(limit - 1);
    let last_id: Option<i64> = last_id.get_result(connection).await.optional()?;
    let window = next.filter(deliveries::id.le(last_id.unwrap_or(i64::MAX)));
    let is_credible = deliveries::id.le(bodies.trusted_up_to).or(deliveries::received_at.ge(floor_of_bodies));
    let is_past = deliveries::received_at.lt(bodies.before).and(is_credible);
    let is_ahead = deliveries::received_at.gt(bodies.now).and(deliveries::id.le(bodies.old_up_to));
    let old = window.filter(is_past.or(is_ahead)).filter(not(is_wanted!()));
    // A count of those that have one: for a condition, Postgres would read all bodies by their index.
    let bodies: i64 = old.select(count(deliveries::body)).get_result(connection).await?;
    let rows: i64 = removable!(window, rows, floor_of_rows).count().get_result(connection).await?;
    Ok(Prunable { bodies: bodies.unsigned_abs(), deliveries: rows.unsigned_abs(), next_after: last_id })
}

/// The time of the last delivery that may be old by the readings. A later delivery with an earlier time came to a
/// process whose clock was behind.
async fn floor(connection: &mut Connection, expiry: &Expiry) -> QueryResult<Timestamp> {
    let trusted = deliveries::table.filter(deliveries::id.le(expiry.trusted_up_to));
    let last = trusted.filter(deliveries::received_at.le(expiry.now)).order(deliveries::id.desc()).limit(1);
    let floor: Option<Timestamp> = last.select(deliveries::received_at).get_result(connection).await.optional()?;
    Ok(floor.unwrap_or(Timestamp::MIN))
}
