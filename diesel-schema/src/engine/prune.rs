use diesel::result::DatabaseErrorKind::{ForeignKeyViolation, Unknown};
use diesel::result::Error::DatabaseError;

use crate::{Backend, Expiry, PruneStep, QueryResult, Selection};

/// One step of pruning, [as the backend does it](crate::Operations::prune_deliveries), around the deliveries that have
/// to stay.
///
/// A host's table may refer to a delivery by a foreign key without an `ON DELETE` action. Then the whole transaction of
/// the step fails. So after such an error one delivery is tried at a time, and twice as many after each success. The
/// ids beside the step are those of the skipped deliveries.
///
/// # Errors
///
/// The database's errors; deliveries that were removed before stay removed.
pub async fn prune<B: Backend>(
    connection: &mut B::Connection,
    expiry: Expiry,
    after_id: i64,
    limit: i64,
) -> QueryResult<(PruneStep, Vec<i64>)> {
    let (mut step, mut referenced) = (PruneStep { removed: 0, next_after: Some(after_id) }, Vec::new());
    let (mut left, mut size) = (limit, limit);
    while let Some(last_id) = step.next_after.filter(|_| left > 0) {
        size = size.min(left);
        match B::prune_deliveries(connection, expiry, last_id, size).await {
            Ok(done) => {
                step = PruneStep { removed: step.removed + done.removed, next_after: done.next_after };
                left -= size;
                size *= 2;
            }
            Err(error) if is_referenced(&error) && size > 1 => size = 1,
            Err(error) if is_referenced(&error) => {
                let page = B::page(connection, Selection::all().after(last_id), 1).await?;
                step.next_after = page.selected.first().map(|selected| selected.delivery_id);
                referenced.extend(step.next_after);
                left -= 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok((step, referenced))
}

/// Whether a row of another table refers to a delivery.
fn is_referenced(error: &diesel::result::Error) -> bool {
    match error {
        DatabaseError(ForeignKeyViolation, _) => true,
        // `ON DELETE RESTRICT` has a code of its own, which Diesel does not know: on SQLite, and on PostgreSQL from 18
        // on.
        DatabaseError(Unknown, details) => {
            ["FOREIGN KEY constraint failed", "RESTRICT"].iter().any(|said| details.message().contains(said))
        }
        _ => false,
    }
}
