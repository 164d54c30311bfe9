use std::time::Duration;

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};

use super::{Connection, RunQueryDsl};
use crate::schema::clock_readings::ClockReading;
use crate::{Clock, Timestamp, clock_readings, deliveries};

/// Reads the clock beside its stored readings, and stores this reading where a new one is due.
pub(crate) async fn read_clock(
    connection: &mut Connection,
    longest_age: Duration,
    now: Timestamp,
) -> QueryResult<Clock> {
    let stored = clock_readings::table.order(clock_readings::number).select(ClockReading::as_select());
    let clock = Clock::new(now, stored.load(connection).await?);
    // Not `max`: where the planner takes the table for a single row, it reads all of them.
    let last =
        deliveries::table.filter(deliveries::id.gt(0)).select(deliveries::id).order(deliveries::id.desc()).limit(1);
    let last_delivery_id: Option<i64> = last.get_result(connection).await.optional()?;
    if let Some(reading) = clock.reading(last_delivery_id.unwrap_or(0)) {
        // Another process may have stored a reading of this number.
        let reading = diesel::insert_into(clock_readings::table).values(reading).on_conflict_do_nothing();
        reading.execute(connection).await?;
    }
    let useless = clock.useless(longest_age);
    if !useless.is_empty() {
        let useless = clock_readings::table.filter(clock_readings::number.eq_any(useless));
        diesel::delete(useless).execute(connection).await?;
    }
    Ok(clock)
}
