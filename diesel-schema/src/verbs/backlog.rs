use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl};
use crate::{Backlog, deliveries, work};

pub(crate) async fn backlog(connection: &mut Connection) -> QueryResult<Backlog> {
    // The literals match the partial indexes; a bound value would not.
    let first = sql::<Bool>("is_first AND lease_until IS NULL AND finished_at IS NULL");
    let first: i64 = work::table.filter(first).count().get_result(connection).await?;
    let behind = sql::<Bool>("finished_at IS NULL AND NOT is_first");
    let behind: i64 = work::table.filter(behind).count().get_result(connection).await?;
    Ok(Backlog {
        waiting: first + behind,
        running: work::table.filter(work::lease_until.is_not_null()).count().get_result(connection).await?,
        discarded: work::table.filter(sql::<Bool>("state = 'discarded'")).count().get_result(connection).await?,
        quarantined: deliveries::table
            .filter(sql::<Bool>("standing = 'quarantined'"))
            .count()
            .get_result(connection)
            .await?,
    })
}
