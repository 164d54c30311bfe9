use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName};
use diesel::sql_types::{BigInt, Text};

use super::{Connection, RunQueryDsl, claim_of, delivery};
use crate::{Line, Preview, TableChange, Ticket, work};

/// The changed rows of a table, as a database counts them.
#[derive(QueryableByName)]
pub(crate) struct ChangeCounts {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    inserted: i64,
    #[diesel(sql_type = BigInt)]
    updated: i64,
    #[diesel(sql_type = BigInt)]
    deleted: i64,
}

impl From<ChangeCounts> for TableChange {
    fn from(ChangeCounts { name, inserted, updated, deleted }: ChangeCounts) -> Self {
        Self {
            table: name,
            inserted: inserted.unsigned_abs(),
            updated: updated.unsigned_abs(),
            deleted: deleted.unsigned_abs(),
        }
    }
}

/// Whether work of a line is leased. Only its first can be.
pub(crate) async fn is_leased(connection: &mut Connection, line: &Line) -> QueryResult<bool> {
    let leased = work::table
        .filter(work::first_delivery_id.eq(line.first_delivery_id))
        .filter(work::handler.eq(&line.handler))
        .filter(work::is_first)
        .filter(work::lease_until.is_not_null())
        .select(work::delivery_id);
    Ok(leased.get_result::<i64>(connection).await.optional()?.is_some())
}

/// A delivery as its handler would claim it. A handler that has no work on it can be rehearsed as well.
pub(crate) async fn preview(
    connection: &mut Connection,
    delivery_id: i64,
    handler: &str,
) -> QueryResult<Option<Preview>> {
    let Some(delivery) = delivery(connection, delivery_id).await? else { return Ok(None) };
    let Some(first_delivery_id) = delivery.first_delivery_id else { return Ok(None) };
    let epoch = Ticket::new_epoch();
    let handler = handler.to_owned();
    let ticket = Ticket { delivery_id, handler, first_delivery_id, epoch, has_attempts: false };
    let is_leased = is_leased(connection, &ticket.line()).await?;
    let claim = claim_of(connection, ticket, (1, 1), delivery).await?;
    Ok(Some(Preview { claim, is_leased }))
}
