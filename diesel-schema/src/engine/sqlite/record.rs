use std::collections::{HashMap, HashSet, VecDeque};

use diesel::dsl::{exists, max};
use diesel::prelude::*;

use super::line::{behind_first, first_of};
use super::lookup::{known as known_by, of_message, quarantined, waiting};
use super::shared::active_handlers;
use super::shared::record::{heads, write};
use crate::rules::batch_plan::{BatchPlan, ReadSet};
use crate::rules::delivery::{MessageKey, ResultKey};
use crate::rules::verdict::ResultState;
use crate::schema::deliveries::StoredCopy;
use crate::{Fingerprint, HandlerSpec, NewDelivery, Recorded, Timestamp, deliveries, failpoint, results, work};

/// Loads the rows that the batch needs, decides, writes. The caller holds the write lock from before the first read.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    batch: &[NewDelivery],
    now: Timestamp,
) -> QueryResult<Vec<Option<Recorded>>> {
    let handlers = active_handlers(connection).await?;
    let heads = heads(connection, batch).await?;
    let known = known(connection, batch, &heads)?;
    let messages = messages(connection, batch)?;
    let ids = free_ids(connection, batch.len())?;
    let lines = open_lines(connection, &heads, &handlers)?;
    let plan = BatchPlan::new(batch, &handlers, ReadSet { heads, known, messages, lines, ids }, now);
    write(connection, &plan, now).await?;
    failpoint::reach("record.written");
    Ok(plan.recorded.into_iter().map(Some).collect())
}

/// The stored deliveries with each fingerprint of the batch, one by one: those of its result, and quarantined ones,
/// which are rare.
fn known(
    connection: &mut SqliteConnection,
    batch: &[NewDelivery],
    heads: &HashMap<ResultKey<'_>, ResultState<'_>>,
) -> QueryResult<HashMap<Fingerprint, Vec<StoredCopy>>> {
    let mut known = HashMap::new();
    let is_any_quarantined: bool = diesel::select(exists(quarantined())).get_result(connection)?;
    for delivery in batch {
        let fingerprint = delivery.fingerprint.as_bytes();
        let mut rows: Vec<StoredCopy> = Vec::new();
        if is_any_quarantined {
            rows.extend(waiting(fingerprint).load::<StoredCopy>(connection)?);
        }
        if let Some(head) = delivery.result_key().and_then(|key| heads.get(&key)) {
            rows.extend(known_by(head.first_delivery_id, fingerprint).load::<StoredCopy>(connection)?);
        }
        if !rows.is_empty() {
            known.insert(delivery.fingerprint, rows);
        }
    }
    Ok(known)
}

/// The messages of the batch that have come before, one by one.
fn messages<'a>(connection: &mut SqliteConnection, batch: &'a [NewDelivery]) -> QueryResult<HashSet<MessageKey<'a>>> {
    let mut messages = HashSet::new();
    for (endpoint, id) in batch.iter().filter_map(NewDelivery::message_key) {
        if diesel::select(exists(of_message(endpoint, id))).get_result(connection)? {
            messages.insert((endpoint, id));
        }
    }
    Ok(messages)
}

/// The lines of the batch's results that have unfinished work or a first, one by one.
fn open_lines<'a>(
    connection: &mut SqliteConnection,
    heads: &HashMap<ResultKey<'_>, ResultState<'_>>,
    handlers: &'a [HandlerSpec],
) -> QueryResult<HashSet<(i64, &'a str)>> {
    let mut lines = HashSet::new();
    for (head, handler) in heads.values().flat_map(|head| handlers.iter().map(move |handler| (head, handler))) {
        let (result, name) = (head.first_delivery_id, handler.name.as_str());
        let is_open = exists(first_of(result, name)).or(exists(behind_first(result, name)));
        if diesel::select(is_open).get_result(connection)? {
            lines.insert((result, name));
        }
    }
    Ok(lines)
}

diesel::table! {
    /// SQLite's own table: the highest id that an `AUTOINCREMENT` table has ever used.
    sqlite_sequence (name) {
        name -> Text,
        seq -> BigInt,
    }
}

const COUNTED: &str = "mojito_deliveries";

/// Fresh ids, above SQLite's counter and above every stored id. The counter may be behind, since a row of
/// `sqlite_sequence` was deleted or was left out of a restore.
fn free_ids(connection: &mut SqliteConnection, count: usize) -> QueryResult<VecDeque<i64>> {
    let highest = counted(connection)?.unwrap_or(0).max(highest_of_deliveries(connection)?);
    Ok((highest + 1..).take(count).collect())
}

fn counted(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    // Not `first`: SQLite compiles a query with a bound limit anew each time.
    let row = sqlite_sequence::table.filter(sqlite_sequence::name.eq(COUNTED)).select(sqlite_sequence::seq);
    row.get_result(connection).optional()
}

/// The highest id of a delivery, or of a delivery that others are filed under.
fn highest_of_deliveries(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let id: Option<i64> = deliveries::table.select(max(deliveries::id)).get_result(connection)?;
    let first: Option<i64> = deliveries::table.select(max(deliveries::first_delivery_id)).get_result(connection)?;
    Ok(id.max(first).unwrap_or(0))
}

/// Raises SQLite's counter to the highest id that any table knows. Only at launch: this reads whole tables.
pub(super) fn mend_ids(connection: &mut SqliteConnection) -> QueryResult<()> {
    let highest = |connection: &mut SqliteConnection| {
        let work: (Option<i64>, Option<i64>) =
            work::table.select((max(work::delivery_id), max(work::first_delivery_id))).get_result(connection)?;
        let results: (Option<i64>, Option<i64>) = results::table
            .select((max(results::delivery_id), max(results::first_delivery_id)))
            .get_result(connection)?;
        let others = [work.0, work.1, results.0, results.1].into_iter().flatten().max().unwrap_or(0);
        QueryResult::Ok(highest_of_deliveries(connection)?.max(others))
    };
    if highest(connection)? <= counted(connection)?.unwrap_or(0) {
        return Ok(());
    }
    connection.immediate_transaction(|c| {
        let highest = highest(c)?.max(counted(c)?.unwrap_or(0));
        diesel::delete(sqlite_sequence::table.filter(sqlite_sequence::name.eq(COUNTED))).execute(c)?;
        let row = (sqlite_sequence::name.eq(COUNTED), sqlite_sequence::seq.eq(highest));
        diesel::insert_into(sqlite_sequence::table).values(row).execute(c).map(drop)
    })
}
