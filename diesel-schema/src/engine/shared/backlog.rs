use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult};
use diesel::sql_types::Bool;

use super::handlers::count_waiting;
use super::{Connection, RunQueryDsl};
use crate::{Backlog, Timestamp, deliveries, schema, work};

/// For how long work may be due before it is overdue.
const OVERDUE_AFTER: Duration = Duration::from_secs(5 * 60);

pub(crate) async fn backlog(connection: &mut Connection, now: Timestamp) -> QueryResult<Backlog> {
    let (waiting, unattached) = count_waiting(connection, now).await?;
    // The literals match the partial indexes; a bound value would not.
    Ok(Backlog {
        waiting,
        overdue: if waiting + unattached == 0 { 0 } else { overdue(connection, now.before(OVERDUE_AFTER)).await? },
        unattached,
        running: work::table.filter(work::lease_until.is_not_null()).count().get_result(connection).await?,
        discarded: work::table.filter(sql::<Bool>(schema::work::UNDISMISSED)).count().get_result(connection).await?,
        quarantined: deliveries::table
            .filter(sql::<Bool>(schema::deliveries::UNDISMISSED))
            .count()
            .get_result(connection)
            .await?,
    })
}

/// Firsts that have been due since `before`. Work that has never failed has no due time of its own: its delivery's age
/// tells. Deliveries are stored in the order in which they came.
async fn overdue(connection: &mut Connection, before: Timestamp) -> QueryResult<i64> {
    let came_last: Option<i64> = deliveries::table
        .filter(deliveries::body.is_not_null())
        .filter(deliveries::received_at.lt(before))
        .order(deliveries::received_at.desc())
        .select(deliveries::id)
        .limit(1)
        .get_result(connection)
        .await
        .optional()?;
    let never_failed = work::due_at.is_null().and(work::delivery_id.le(came_last.unwrap_or_default()));
    work::table
        .filter(sql::<Bool>("is_first AND lease_until IS NULL AND finished_at IS NULL"))
        .filter(never_failed.or(work::due_at.lt(before)))
        .count()
        .get_result(connection)
        .await
}
