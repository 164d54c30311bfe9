use diesel::prelude::*;

use crate::schema::work::due_hooks;
use crate::{Timestamp, work};

/// Whether a hook is due. Hooks are rarely owed, and a look does not wait for a writer.
pub(super) fn is_due(connection: &mut SqliteConnection, handler: &str, now: Timestamp) -> QueryResult<bool> {
    let mut due = due_hooks(handler, now).select(work::delivery_id).load_iter::<i64, _>(connection)?;
    Ok(due.next().transpose()?.is_some())
}
