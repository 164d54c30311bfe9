use std::collections::{HashMap, HashSet, VecDeque};

use diesel::dsl::exists;
use diesel::prelude::*;

use super::verbs::record::{heads, write};
use crate::plan::{Ground, MessageKey, Plan, ResultKey, key_of};
use crate::standing::Head;
use crate::tables::deliveries::{Known, known as known_by, of_message, quarantined, waiting};
use crate::tables::line::{behind_first, first_of};
use crate::{Fingerprint, HandlerSpec, NewDelivery, Recorded, Utc, failpoint};

/// Loads what the batch stands on, decides, writes. The caller holds the write lock from before the first read.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    batch: &[NewDelivery],
    handlers: &[HandlerSpec],
    now: Utc,
) -> QueryResult<Vec<Recorded>> {
    let heads = heads(connection, batch).await?;
    let known = known(connection, batch, &heads)?;
    let messages = messages(connection, batch)?;
    let ids = free_ids(connection, batch.len())?;
    let lines = open_lines(connection, &heads, handlers)?;
    let plan = Plan::of(batch, handlers, Ground { heads, known, messages, lines, ids }, now);
    write(connection, &plan).await?;
    failpoint::reach("record.written");
    Ok(plan.recorded)
}

/// The stored deliveries with each fingerprint of the batch, one by one: those of its result, and quarantined ones, which
/// there rarely are.
fn known(
    connection: &mut SqliteConnection,
    batch: &[NewDelivery],
    heads: &HashMap<ResultKey<'_>, Head<'_>>,
) -> QueryResult<HashMap<Fingerprint, Vec<Known>>> {
    let mut known = HashMap::new();
    let is_any_quarantined: bool = diesel::select(exists(quarantined())).get_result(connection)?;
    for delivery in batch {
        let fingerprint = delivery.fingerprint.as_bytes();
        let mut rows: Vec<Known> = Vec::new();
        if is_any_quarantined {
            rows.extend(waiting(fingerprint).load::<Known>(connection)?);
        }
        if let Some(head) = key_of(delivery).and_then(|key| heads.get(&key)) {
            rows.extend(known_by(head.first_delivery_id, fingerprint).load::<Known>(connection)?);
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
    heads: &HashMap<ResultKey<'_>, Head<'_>>,
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
    /// SQLite's own: the highest id that an `AUTOINCREMENT` table has ever used.
    sqlite_sequence (name) {
        name -> Text,
        seq -> BigInt,
    }
}

fn free_ids(connection: &mut SqliteConnection, count: usize) -> QueryResult<VecDeque<i64>> {
    // Not `first`: SQLite compiles a query with a bound limit anew each time.
    let highest: Option<i64> = sqlite_sequence::table
        .filter(sqlite_sequence::name.eq("mojito_deliveries"))
        .select(sqlite_sequence::seq)
        .get_result(connection)
        .optional()?;
    let first = highest.unwrap_or(0) + 1;
    Ok((first..).take(count).collect())
}
