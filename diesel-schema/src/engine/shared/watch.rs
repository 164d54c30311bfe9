use diesel::dsl::{count_star, min, sql};
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl};
use crate::schema::work::{WAITING_BEHIND, WAITING_FIRST};
use crate::{Timestamp, Waiting, deliveries, work};

/// How many rows one look reads at most.
const MAX_ROWS_READ: i64 = 1_000;

/// The next handler, by name, that work waits for: one look at the index finds it.
pub(super) async fn next_waiting_handler(connection: &mut Connection, last: &str) -> QueryResult<Option<String>> {
    let next = work::table.filter(sql::<Bool>(WAITING_FIRST)).filter(work::handler.gt(last)).order(work::handler);
    next.select(work::handler).limit(1).get_result(connection).await.optional()
}

/// The lines that wait for a handler that is not in `attached`, handler by handler.
pub(crate) async fn unattached(connection: &mut Connection, attached: &[String]) -> QueryResult<Vec<Waiting>> {
    let (mut unattached, mut last) = (Vec::new(), String::new());
    loop {
        let Some(handler) = next_waiting_handler(connection, &last).await? else { return Ok(unattached) };
        if !attached.contains(&handler) {
            let lines = work::table.filter(sql::<Bool>(WAITING_FIRST)).filter(work::handler.eq(&handler));
            let lines = lines.select((count_star(), min(work::delivery_id)));
            let (count, sample): (i64, Option<i64>) = lines.get_result(connection).await?;
            unattached.extend(waiting(&handler, count, sample));
        }
        last = handler;
    }
}

/// Deliveries that came before `since` and wait behind a first that has failed, handler by handler. A look finds some
/// where there are any behind the first thousand failing lines.
pub(crate) async fn held_up(
    connection: &mut Connection,
    handlers: &[String],
    since: Timestamp,
) -> QueryResult<Vec<Waiting>> {
    let mut held_up = Vec::new();
    for handler in handlers {
        let failing = work::table.filter(sql::<Bool>(WAITING_FIRST)).filter(work::handler.eq(handler));
        let failing =
            failing.filter(sql::<Bool>("state = 'retryable'")).select(work::first_delivery_id).limit(MAX_ROWS_READ);
        let lines: Vec<i64> = failing.load(connection).await?;
        let behind = work::table.filter(sql::<Bool>(WAITING_BEHIND));
        let behind = behind.filter(work::handler.eq(handler)).filter(work::first_delivery_id.eq_any(lines));
        let behind: Vec<i64> = behind.select(work::delivery_id).limit(MAX_ROWS_READ).load(connection).await?;
        let old = deliveries::table.filter(deliveries::id.eq_any(behind)).filter(deliveries::received_at.le(since));
        let old = old.select((count_star(), min(deliveries::id)));
        let (count, sample): (i64, Option<i64>) = old.get_result(connection).await?;
        held_up.extend(waiting(handler, count, sample));
    }
    Ok(held_up)
}

/// Whether a delivery that is no repeat has come to an endpoint after `since`. Reads the deliveries that have come
/// since, and no more.
pub(crate) async fn has_received(connection: &mut Connection, endpoint: &str, since: Timestamp) -> QueryResult<bool> {
    let mut before = i64::MAX;
    loop {
        let newest =
            deliveries::table.filter(deliveries::id.lt(before)).order(deliveries::id.desc()).limit(MAX_ROWS_READ);
        let columns = (deliveries::id, deliveries::endpoint, deliveries::received_at);
        let newest: Vec<(i64, String, Timestamp)> = newest.select(columns).load(connection).await?;
        if newest.iter().any(|(_, of, at)| of == endpoint && *at > since) {
            return Ok(true);
        }
        match newest.last() {
            Some((id, _, at)) if *at > since => before = *id,
            _ => return Ok(false),
        }
    }
}

fn waiting(handler: &str, count: i64, sample: Option<i64>) -> Option<Waiting> {
    let (count, delivery_id) = (u64::try_from(count).unwrap_or_default(), sample?);
    Some(Waiting { handler: handler.to_owned(), count, delivery_id })
}
