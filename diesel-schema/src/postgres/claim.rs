use std::time::Duration;

use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::RunQueryDsl;

use super::{Connection, verbs};
use crate::tables::work::claimable;
use crate::{Claim, Utc, WorkRow, work};

/// The select itself locks what it finds, so never more than `limit` rows are claimed, whatever the planner makes of
/// it. What another process is about to claim is skipped.
pub(super) async fn claim(
    connection: &mut Connection,
    handler: &str,
    limit: i64,
    lease: Duration,
    now: Utc,
) -> QueryResult<Vec<Claim>> {
    let (mut claims, mut unreadable) = (Vec::new(), Vec::new());
    loop {
        let missing = limit - i64::try_from(claims.len()).unwrap_or(limit);
        let free = claimable(handler, &now, missing).filter(work::delivery_id.ne_all(unreadable.clone()));
        let free = free.for_update().skip_locked().select(WorkRow::as_select());
        let rows: Vec<WorkRow> = free.load(connection).await?;
        let known = unreadable.len();
        for row in rows {
            let delivery_id = row.delivery_id;
            match verbs::take_one(connection, row, now.after(lease)).await {
                Ok(claim) => claims.push(claim),
                // Words of a later version, which runs beside this one: it is theirs, and what waits behind it is ours.
                Err(Error::DeserializationError(_)) => unreadable.push(delivery_id),
                Err(error) => return Err(error),
            }
        }
        if unreadable.len() == known {
            return Ok(claims);
        }
    }
}
