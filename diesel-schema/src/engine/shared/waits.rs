use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl, lock_wait, skip_overtaken_in};
use crate::{Line, Timestamp, work};

/// The most waits that one sweep cuts, of leases and of pauses.
const MAX_WAITS: i64 = 100;

/// How far ahead a wait's start may lie: another process reads the clock before it has the lock, or after this one did.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Leases and pauses measured from a moment in the future, by delivery and handler. The clock has been put back since,
/// and they would last until it reaches that moment again.
pub(crate) async fn overlong_waits(connection: &mut Connection, now: Timestamp) -> QueryResult<Vec<(i64, String)>> {
    let latest = now.after(CLOCK_TOLERANCE);
    let ahead = work::table.filter(work::measured_from.gt(latest));
    let leases = ahead.filter(work::lease_until.gt(latest)).select((work::delivery_id, work::handler));
    let mut waits: Vec<(i64, String)> = leases.limit(MAX_WAITS).load(connection).await?;
    // The literal matches the partial index.
    let pauses = ahead.filter(sql::<Bool>("state = 'retryable'")).filter(work::due_at.gt(latest));
    let pauses = pauses.select((work::delivery_id, work::handler));
    waits.extend(pauses.limit(MAX_WAITS).load::<(i64, String)>(connection).await?);
    waits.sort();
    Ok(waits)
}

/// Cuts such waits to their meant length, from now on. Gives back the number of cut waits.
pub(crate) async fn cut_waits(
    connection: &mut Connection,
    waits: &[(i64, String)],
    now: Timestamp,
) -> QueryResult<u64> {
    let mut cut = 0;
    let mut lines = Vec::new();
    for (delivery_id, handler) in waits {
        let Some((first_delivery_id, wait)) = lock_wait(connection, *delivery_id, handler).await? else { continue };
        lines.push(Line { first_delivery_id, handler: handler.clone() });
        let (Some(measured_from), lease_until, due_at) = wait else { continue };
        if measured_from <= now.after(CLOCK_TOLERANCE) {
            continue;
        }
        let from_now = |until: Timestamp| now.after(Duration::try_from(*until - *measured_from).unwrap_or_default());
        let meant = (
            work::measured_from.eq(now),
            work::lease_until.eq(lease_until.map(from_now)),
            work::due_at.eq(due_at.map(from_now)),
        );
        let row = work::table.find((*delivery_id, handler));
        cut += diesel::update(row).set(meant).execute(connection).await? as u64;
    }
    skip_overtaken_in(connection, lines, now).await?;
    Ok(cut)
}
