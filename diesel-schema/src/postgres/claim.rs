use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, verbs};
use crate::tables::work::claimable;
use crate::{Claim, Utc, WorkRow};

/// The select itself locks what it finds, so never more than `limit` rows are claimed, whatever the planner makes of
/// it. What another process is about to claim is skipped.
pub(super) async fn claim(
    connection: &mut Connection,
    handler: &str,
    limit: i64,
    lease: Duration,
    now: Utc,
) -> QueryResult<Vec<Claim>> {
    let free = claimable(handler, &now, limit).for_update().skip_locked().select(WorkRow::as_select());
    let rows: Vec<WorkRow> = free.load(connection).await?;
    verbs::take(connection, rows, now.after(lease)).await
}
