use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::{Backlog, deliveries, work};

pub(super) fn backlog(connection: &mut SqliteConnection) -> QueryResult<Backlog> {
    // The literals match the partial indexes; a bound value would not.
    Ok(Backlog {
        waiting: work::table.filter(work::due_at.is_not_null()).count().get_result(connection)?,
        running: work::table.filter(work::lease_until.is_not_null()).count().get_result(connection)?,
        discarded: work::table.filter(sql::<Bool>("state = 'discarded'")).count().get_result(connection)?,
        quarantined: deliveries::table
            .filter(sql::<Bool>("standing = 'quarantined'"))
            .count()
            .get_result(connection)?,
    })
}
