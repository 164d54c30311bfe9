use diesel::insert_into;
use diesel::prelude::{ExpressionMethods, IntoSql, QueryDsl, QueryResult, SelectableHelper};
use diesel::sql_types::{Nullable, Text};

use super::{Connection, RunQueryDsl};
use crate::{AttemptOutcome, AttemptRow, Timestamp, UtcTimestamp, attempts, work};

/// How many attempts on one delivery are read: the newest.
const MAX_ATTEMPTS_READ: i64 = 1_000;

/// Adds the end of an attempt to the history, in the transaction that ends it. The row of work tells the attempt's
/// number and beginning.
pub(crate) async fn add_attempt(
    connection: &mut Connection,
    (delivery_id, handler): (i64, &str),
    outcome: AttemptOutcome,
    error: Option<&str>,
    now: Timestamp,
) -> QueryResult<()> {
    let ended = work::table.find((delivery_id, handler)).select((
        work::delivery_id,
        work::handler,
        work::attempt,
        work::started_at,
        now.into_sql::<UtcTimestamp>(),
        outcome.into_sql::<Text>(),
        error.into_sql::<Nullable<Text>>(),
    ));
    let columns = (
        attempts::delivery_id,
        attempts::handler,
        attempts::attempt,
        attempts::started_at,
        attempts::ended_at,
        attempts::outcome,
        attempts::error,
    );
    insert_into(attempts::table).values(ended).into_columns(columns).execute(connection).await.map(drop)
}

/// The newest attempts on a delivery, the newest last.
pub(crate) async fn attempts(connection: &mut Connection, delivery_id: i64) -> QueryResult<Vec<AttemptRow>> {
    let newest = attempts::table.filter(attempts::delivery_id.eq(delivery_id)).order(attempts::id.desc());
    let newest = newest.limit(MAX_ATTEMPTS_READ).select(AttemptRow::as_select());
    let mut rows: Vec<AttemptRow> = newest.load(connection).await?;
    rows.reverse();
    Ok(rows)
}
