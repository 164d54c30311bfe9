use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult};
use diesel::sql_types::Bool;

use super::handlers::count_waiting;
use super::{Connection, RunQueryDsl};
use crate::{Backlog, Utc, deliveries, work};

pub(crate) async fn backlog(connection: &mut Connection, now: Utc) -> QueryResult<Backlog> {
    let (waiting, unattached) = count_waiting(connection, now).await?;
    // The literals match the partial indexes; a bound value would not.
    Ok(Backlog {
        waiting,
        unattached,
        running: work::table.filter(work::lease_until.is_not_null()).count().get_result(connection).await?,
        discarded: work::table.filter(sql::<Bool>("state = 'discarded'")).count().get_result(connection).await?,
        quarantined: deliveries::table
            .filter(sql::<Bool>("standing = 'quarantined'"))
            .count()
            .get_result(connection)
            .await?,
    })
}
