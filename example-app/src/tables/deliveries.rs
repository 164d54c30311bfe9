//! The desk's queries on the plugin's table of deliveries.

use diesel::dsl::auto_type;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use mojito_schema::{Changes, Findings, deliveries, results};
use rocket_mojito::{Event, EventKind, Standing, Timestamp};

use crate::database::DbConnection;

/// The most deliveries in the history of a result.
pub const HISTORY: i64 = 100;

/// One delivery, as the history of its result shows it: everything but the body.
#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct HistoryRow {
    /// Rises with the order in which deliveries were stored.
    pub id: i64,
    /// The kind of event that it reports.
    pub event: EventKind,
    /// The version of the result; none for a late delivery.
    pub version: Option<i64>,
    /// The delivery's standing.
    pub standing: Standing,
    /// When its last byte had arrived.
    pub received_at: Timestamp,
    /// The number of its repeats.
    pub repeat_count: i64,
    /// When the last repeat came.
    pub last_repeat_at: Option<Timestamp>,
    /// The fields that changed with it.
    pub changes: Changes,
    /// The findings about it.
    pub findings: Findings,
}

/// The deliveries of one result, newest first.
pub async fn history(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Vec<HistoryRow>> {
    deliveries::table
        .filter(deliveries::first_delivery_id.eq_any(first_delivery(endpoint, result_id)))
        .order(deliveries::id.desc())
        .limit(HISTORY)
        .select(HistoryRow::as_select())
        .load(c)
        .await
}

/// Whether a failed interview had a result before: then the failure withdraws that result.
///
/// The query asks the stored deliveries, not the application: a delivery in between may not have been filed.
pub async fn had_result(c: &mut DbConnection, event: &Event) -> QueryResult<bool> {
    let before: Option<EventKind> = deliveries::table
        .filter(deliveries::first_delivery_id.eq_any(first_delivery(event.endpoint(), &event.payload().id)))
        .filter(deliveries::version.lt(event.version()))
        .filter(deliveries::event.ne(EventKind::InterviewFailed))
        .order(deliveries::version.desc())
        .select(deliveries::event)
        .first(c)
        .await
        .optional()?;
    Ok(before == Some(EventKind::InterviewResult))
}

/// The first delivery about a result: the key to all its deliveries.
#[auto_type(no_type_alias)]
fn first_delivery<'a>(endpoint: &'a str, result_id: &'a str) -> _ {
    results::table.find((endpoint, result_id)).select(results::first_delivery_id.nullable())
}

/// The deliveries of results with this id that came to other endpoints.
pub async fn of_other_endpoints(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Vec<i64>> {
    let others = results::table.filter(results::id.eq(result_id)).filter(results::endpoint.ne(endpoint));
    deliveries::table
        .filter(deliveries::first_delivery_id.eq_any(others.select(results::first_delivery_id.nullable())))
        .select(deliveries::id)
        .load(c)
        .await
}

/// The newest deliveries, and how often each was repeated.
pub async fn newest(c: &mut DbConnection, limit: i64) -> QueryResult<Vec<(i64, i64)>> {
    let rows = deliveries::table.order(deliveries::id.desc()).limit(limit);
    rows.select((deliveries::id, deliveries::repeat_count)).load(c).await
}
