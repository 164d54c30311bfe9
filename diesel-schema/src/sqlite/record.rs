use std::collections::{HashMap, HashSet, VecDeque};

use diesel::dsl::exists;
use diesel::prelude::*;

use super::verbs::record::{heads, write};
use crate::plan::{Ground, MessageKey, Plan};
use crate::tables::deliveries::{Known, known as known_by, of_message};
use crate::{Fingerprint, HandlerSpec, NewDelivery, Recorded, Utc, failpoint};

/// Loads what the batch stands on, decides, writes. The caller holds the write lock from before the first read.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    batch: &[NewDelivery],
    handlers: &[HandlerSpec],
    now: Utc,
) -> QueryResult<Vec<Recorded>> {
    let ground = Ground {
        heads: heads(connection, batch).await?,
        known: known(connection, batch)?,
        messages: messages(connection, batch)?,
        ids: free_ids(connection, batch.len())?,
    };
    let plan = Plan::of(batch, handlers, ground, now);
    write(connection, &plan).await?;
    failpoint::reach("record.written");
    Ok(plan.recorded)
}

/// The stored deliveries with each fingerprint of the batch, one by one.
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

diesel::table! {
    /// SQLite's own: the highest id that an `AUTOINCREMENT` table has ever used.
    sqlite_sequence (name) {
        name -> Text,
        seq -> BigInt,
    }
}

fn free_ids(connection: &mut SqliteConnection, count: usize) -> QueryResult<VecDeque<i64>> {
    let highest: Option<i64> = sqlite_sequence::table
        .filter(sqlite_sequence::name.eq("mojito_deliveries"))
        .select(sqlite_sequence::seq)
        .first(connection)
        .optional()?;
    let first = highest.unwrap_or(0) + 1;
    Ok((first..).take(count).collect())
}
