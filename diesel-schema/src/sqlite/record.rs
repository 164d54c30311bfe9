use std::collections::HashMap;

use diesel::prelude::*;

use crate::plan::{Advance, Ground, Plan, ResultKey};
use crate::standing::Head;
use crate::tables::deliveries::{Known, count_repeats, known as known_by};
use crate::{
    Fingerprint, HandlerSpec, NewDelivery, Recorded, ResultRow, Standing, Utc, deliveries, failpoint, results, work,
};

/// Loads what the batch stands on, decides, writes. The caller holds the write lock from before the first read.
pub(super) fn record(
    connection: &mut SqliteConnection,
    batch: &[NewDelivery],
    handlers: &[HandlerSpec],
    now: Utc,
) -> QueryResult<Vec<Recorded>> {
    let ground =
        Ground { heads: heads(connection, batch)?, known: known(connection, batch)?, next_id: next_id(connection)? };
    let plan = Plan::of(batch, handlers, ground, now);
    write(connection, &plan)?;
    failpoint::reach("record.written");
    Ok(plan.recorded)
}

/// Records a quarantined delivery in the place that it has already.
pub(super) fn admit(
    connection: &mut SqliteConnection,
    delivery_id: i64,
    delivery: &NewDelivery,
    handlers: &[HandlerSpec],
    now: Utc,
) -> QueryResult<Option<Recorded>> {
    let place = deliveries::table.find(delivery_id).filter(deliveries::standing.eq(Standing::Quarantined));
    if place.count().get_result::<i64>(connection)? == 0 {
        return Ok(None);
    }
    let batch = std::slice::from_ref(delivery);
    let ground = Ground { heads: heads(connection, batch)?, known: HashMap::new(), next_id: delivery_id };
    let mut plan = Plan::of_admitted(delivery, handlers, ground, now);
    for row in plan.deliveries.drain(..) {
        diesel::update(place).set(row).execute(connection)?;
    }
    write(connection, &plan)?;
    Ok(plan.recorded.first().copied())
}

fn heads<'a>(
    connection: &mut SqliteConnection,
    batch: &'a [NewDelivery],
) -> QueryResult<HashMap<ResultKey<'a>, Head<'a>>> {
    let mut heads = HashMap::new();
    for delivery in batch {
        let Some(id) = delivery.result_id() else { continue };
        let key = (delivery.endpoint.as_str(), id);
        if heads.contains_key(&key) {
            continue;
        }
        let row: Option<ResultRow> =
            results::table.find(key).select(ResultRow::as_select()).first(connection).optional()?;
        if let Some(row) = row {
            heads.insert(key, Head::from(row));
        }
    }
    Ok(heads)
}

fn known(connection: &mut SqliteConnection, batch: &[NewDelivery]) -> QueryResult<HashMap<Fingerprint, Vec<Known>>> {
    let mut known = HashMap::new();
    for fingerprint in batch.iter().map(|delivery| delivery.fingerprint) {
        let rows: Vec<Known> = known_by(fingerprint.as_bytes()).load(connection)?;
        if !rows.is_empty() {
            known.insert(fingerprint, rows);
        }
    }
    Ok(known)
}

diesel::table! {
    /// SQLite's own: the highest id that an `AUTOINCREMENT` table has ever used.
    sqlite_sequence (name) {
        name -> Text,
        seq -> BigInt,
    }
}

fn next_id(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let highest: Option<i64> = sqlite_sequence::table
        .filter(sqlite_sequence::name.eq("mojito_deliveries"))
        .select(sqlite_sequence::seq)
        .first(connection)
        .optional()?;
    Ok(highest.unwrap_or(0) + 1)
}

// A statement per row: each is prepared once per connection, and costs no round trip here.
fn write(connection: &mut SqliteConnection, plan: &Plan<'_>) -> QueryResult<()> {
    for row in &plan.deliveries {
        diesel::insert_into(deliveries::table).values(row).execute(connection)?;
    }
    for (id, (times, last)) in &plan.repeats {
        count_repeats(*id, *times, last).execute(connection)?;
    }
    for advance in &plan.results {
        match advance {
            Advance::First(row, snapshot) => {
                diesel::insert_into(results::table).values((row, *snapshot)).execute(connection)?
            }
            Advance::Next(row, snapshot) => {
                diesel::update(results::table.find((row.endpoint, row.id))).set((row, *snapshot)).execute(connection)?
            }
            Advance::Late { key, late_delivery_id } => diesel::update(results::table.find(*key))
                .set(results::late_delivery_id.eq(late_delivery_id))
                .execute(connection)?,
        };
    }
    for row in &plan.work {
        diesel::insert_into(work::table).values(row).execute(connection)?;
    }
    Ok(())
}
