use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use rocket_mojito::{Event, EventKind, Timestamp};

use crate::database::DbConnection;

diesel::table! {
    use diesel::sql_types::*;
    use mojito_schema::UtcTimestamp;

    /// The desk's timeline: append-only, one row per handled delivery.
    application_events (id) {
        /// Rises with the order in which deliveries were handled.
        id -> BigInt,
        /// The row in `mojito_deliveries`.
        delivery_id -> BigInt,
        /// The vendor's id of the result.
        result_id -> Text,
        /// The version of the result; null for a late delivery.
        version -> Nullable<BigInt>,
        /// The event that the delivery reports.
        event -> Text,
        /// When it was handled.
        created_at -> UtcTimestamp,
    }
}

/// A new entry of the timeline.
#[derive(Insertable)]
#[diesel(table_name = application_events, treat_none_as_default_value = false)]
pub struct NewEntry<'a> {
    delivery_id: i64,
    result_id: &'a str,
    version: Option<i64>,
    event: EventKind,
    created_at: Timestamp,
}

impl<'a> NewEntry<'a> {
    /// An entry that `event` was handled at `now`.
    pub fn new(event: &'a Event, now: Timestamp) -> Self {
        Self {
            delivery_id: event.delivery_id(),
            result_id: &event.payload().id,
            version: event.version(),
            event: event.kind(),
            created_at: now,
        }
    }

    /// Appends the entry.
    pub async fn append(&self, c: &mut DbConnection) -> QueryResult<()> {
        diesel::insert_into(application_events::table).values(self).execute(c).await.map(drop)
    }
}

/// Forgets the timeline of a result. `others` are deliveries that stay: they are about results of the same id, and came
/// to other endpoints. The timeline does not name the endpoint of a delivery, and outlives the deliveries themselves.
pub async fn erase(c: &mut DbConnection, result_id: &str, others: &[i64]) -> QueryResult<()> {
    let rows = application_events::table
        .filter(application_events::result_id.eq(result_id))
        .filter(application_events::delivery_id.ne_all(others));
    diesel::delete(rows).execute(c).await.map(drop)
}

/// When each of these deliveries was handled, in that order: (delivery, moment).
pub async fn handled(c: &mut DbConnection, deliveries: &[i64]) -> QueryResult<Vec<(i64, Timestamp)>> {
    application_events::table
        .filter(application_events::delivery_id.eq_any(deliveries))
        .order(application_events::id)
        .select((application_events::delivery_id, application_events::created_at))
        .load(c)
        .await
}

/// The newest entries.
pub async fn newest(c: &mut DbConnection, limit: i64) -> QueryResult<Vec<i64>> {
    let rows = application_events::table.order(application_events::id.desc()).limit(limit);
    rows.select(application_events::id).load(c).await
}
