use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use diesel::define_sql_function;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::result::Error;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use futures_util::future::{join, try_join, try_join3};

use super::bulk::{Additions, Repeats, overtaken};
use super::lookup::{self, Heads, KnownBy, Messages, OpenLines};
use super::transaction::{self, Terms};
use super::{Connection, verbs};
use crate::plan::{Advance, Ground, MessageKey, Plan, ResultKey, key_of};
use crate::standing::Head;
use crate::tables::deliveries::Known;
use crate::update::update;
use crate::{Content, Fingerprint, HandlerSpec, NewDelivery, Recorded, ResultRow, Standing, Utc, results};

define_sql_function! {
    /// A lock on a number, until the transaction ends.
    fn pg_advisory_xact_lock(key: BigInt);
}

/// Locks the results of the batch, loads what it stands on, decides, writes: the same few statements, whatever the size of
/// the batch, and one round trip for what does not wait for each other.
///
/// A result that is new to two processes at once has no row to lock: the second's statement fails, and the whole
/// transaction is run again.
pub(super) async fn record(
    connection: &mut Connection,
    batch: &[NewDelivery],
    handlers: &[HandlerSpec],
) -> QueryResult<Vec<Recorded>> {
    // In this order also on the way. After the locks: so nothing is overlooked that another process commits meanwhile,
    // and ids rise with the versions of a result, in whatever process they are made.
    let ground = async {
        lock_nameless(connection, batch).await?;
        try_join3(lock_heads(connection, batch), messages(connection, batch), free(connection, batch)).await
    };
    let terms = Terms::planned_once().statements();
    let (begun, ground) = join(transaction::start(connection, &terms), ground).await;
    transaction::account_for(connection, begun).await?;
    let plan = async {
        let (heads, messages, Free { now, ids, waiting: mut known }) = ground?;
        let mut lines = HashSet::new();
        if !heads.is_empty() {
            let (of_results, open) =
                try_join(known_by(connection, batch, &heads), open_lines(connection, &heads, handlers)).await?;
            known.extend(of_results);
            lines = open;
        }
        let ground = Ground { heads, known: by_fingerprint(batch, known), messages, lines, ids };
        Ok(Plan::of(batch, handlers, ground, now))
    };
    match plan.await {
        Ok(plan) => carry_out(connection, &plan).await.map(|()| plan.recorded),
        Err(error) => transaction::end(connection, Err(error)).await,
    }
}

/// Records a quarantined delivery in the place that it has already.
pub(super) async fn admit(
    connection: &mut Connection,
    delivery_id: i64,
    delivery: &NewDelivery,
    handlers: &[HandlerSpec],
    now: Utc,
) -> QueryResult<Option<Recorded>> {
    lock_heads(connection, std::slice::from_ref(delivery)).await?;
    verbs::admit(connection, delivery_id, delivery, handlers, now).await
}

/// Locks the fingerprints of what nobody understands, in their order: it may have no result whose row could be locked,
/// and copies in two processes at once would be two deliveries.
async fn lock_nameless(mut connection: &Connection, batch: &[NewDelivery]) -> QueryResult<()> {
    let nameless = batch.iter().filter(|delivery| matches!(delivery.content, Content::Unusable { .. }));
    let keys: BTreeSet<i64> = nameless
        .filter_map(|delivery| delivery.fingerprint.as_bytes().first_chunk())
        .map(|chunk| i64::from_be_bytes(*chunk))
        .collect();
    for key in keys {
        diesel::select(pg_advisory_xact_lock(key)).execute(&mut connection).await?;
    }
    Ok(())
}

/// The state of each result that the batch names, locked in the order of the keys.
async fn lock_heads<'a>(
    mut connection: &Connection,
    batch: &'a [NewDelivery],
) -> QueryResult<HashMap<ResultKey<'a>, Head<'a>>> {
    let keys: Vec<ResultKey<'a>> = batch.iter().filter_map(key_of).collect();
    let rows: Vec<ResultRow> = keys.iter().copied().collect::<Heads<'_>>().load(&mut connection).await?;
    let mut by_key: HashMap<(String, String), Head<'a>> =
        rows.into_iter().map(|row| ((row.endpoint.clone(), row.id.clone()), Head::from(row))).collect();
    let mut heads = HashMap::new();
    for (endpoint, id) in keys {
        if let Some(head) = by_key.remove(&(endpoint.to_owned(), id.to_owned())) {
            heads.insert((endpoint, id), head);
        }
    }
    Ok(heads)
}

/// A stored delivery, under its fingerprint.
type KnownRow = (Vec<u8>, i64, Standing, Option<String>);

/// The deliveries of the batch's results with its fingerprints.
async fn known_by(
    mut connection: &Connection,
    batch: &[NewDelivery],
    heads: &HashMap<ResultKey<'_>, Head<'_>>,
) -> QueryResult<Vec<KnownRow>> {
    let of_stored = batch.iter().filter_map(|delivery| Some((delivery, heads.get(&key_of(delivery)?)?)));
    let asked: KnownBy<'_> =
        of_stored.map(|(delivery, head)| (head.first_delivery_id, delivery.fingerprint.as_bytes())).collect();
    asked.load(&mut connection).await
}

/// The lines of the batch's results that have unfinished work or a first.
async fn open_lines<'a>(
    mut connection: &Connection,
    heads: &HashMap<ResultKey<'_>, Head<'_>>,
    handlers: &'a [HandlerSpec],
) -> QueryResult<HashSet<(i64, &'a str)>> {
    if handlers.is_empty() {
        return Ok(HashSet::new());
    }
    let names = || handlers.iter().map(|handler| handler.name.as_str());
    let lines = heads.values().flat_map(|head| names().map(|name| (head.first_delivery_id, name)));
    let open: Vec<(i64, String)> = lines.collect::<OpenLines<'_>>().load(&mut connection).await?;
    Ok(open.iter().filter_map(|(id, handler)| Some((*id, names().find(|name| name == handler)?))).collect())
}

fn by_fingerprint(batch: &[NewDelivery], rows: Vec<KnownRow>) -> HashMap<Fingerprint, Vec<Known>> {
    let fingerprints: HashMap<&[u8], Fingerprint> =
        batch.iter().map(|delivery| (delivery.fingerprint.as_bytes(), delivery.fingerprint)).collect();
    let mut known: HashMap<Fingerprint, Vec<Known>> = HashMap::new();
    for (bytes, id, standing, message_id) in rows {
        if let Some(fingerprint) = fingerprints.get(&bytes[..]) {
            known.entry(*fingerprint).or_default().push(Known { id, standing, message_id });
        }
    }
    known
}

/// The messages of the batch that have come before.
async fn messages<'a>(mut connection: &Connection, batch: &'a [NewDelivery]) -> QueryResult<HashSet<MessageKey<'a>>> {
    let mut keys: HashSet<MessageKey<'a>> = batch.iter().filter_map(NewDelivery::message_key).collect();
    if keys.is_empty() {
        return Ok(keys);
    }
    let rows: Vec<(String, Option<String>)> =
        keys.iter().copied().collect::<Messages<'_>>().load(&mut connection).await?;
    let stored: HashSet<MessageKey<'_>> =
        rows.iter().filter_map(|(endpoint, id)| Some((endpoint.as_str(), id.as_deref()?))).collect();
    keys.retain(|key| stored.contains(key));
    Ok(keys)
}

/// What every batch asks for.
struct Free {
    /// The time by the database's clock.
    now: Utc,
    /// An id for each delivery.
    ids: VecDeque<i64>,
    /// What waits in quarantine with the fingerprints of the batch.
    waiting: Vec<KnownRow>,
}

async fn free(mut connection: &Connection, batch: &[NewDelivery]) -> QueryResult<Free> {
    let asked: lookup::Free<'_> = batch.iter().map(|delivery| delivery.fingerprint.as_bytes()).collect();
    let mut rows: Vec<(Utc, i64, Option<KnownRow>)> = asked.load(&mut connection).await?;
    rows.sort_unstable_by_key(|(_, id, _)| *id);
    let [(now, ..), ..] = rows[..] else { return Err(Error::NotFound) };
    let (ids, waiting): (VecDeque<i64>, Vec<_>) = rows.into_iter().map(|(_, id, waiting)| (id, waiting)).unzip();
    Ok(Free { now, ids, waiting: waiting.into_iter().flatten().collect() })
}

/// Writes what is planned, and commits: in one round trip, unless something is written that waits for something else.
async fn carry_out(connection: &mut Connection, plan: &Plan<'_>) -> QueryResult<()> {
    let late = plan.results.iter().filter_map(|advance| match advance {
        Advance::Late { key, late_delivery_id } => Some((*key, *late_delivery_id)),
        Advance::First(_) | Advance::Next(_) => None,
    });
    let late: Vec<_> = late.collect();
    if late.is_empty() && transaction::may_end_on_the_way(connection) {
        let ended = try_join(write(connection, plan), transaction::commit(connection)).await;
        return transaction::account_for_end(connection, ended.map(drop)).await;
    }
    let written = async {
        write(connection, plan).await?;
        for (key, id) in late {
            let pointer = results::late_delivery_id.eq(id);
            update(results::table.find(key), pointer).execute(&mut &*connection).await?;
        }
        Ok(())
    };
    let written = written.await;
    transaction::end(connection, written).await
}

/// Writes the rows that are new, and counts repeats.
async fn write(connection: &Connection, plan: &Plan<'_>) -> QueryResult<()> {
    // In this order also on the way: a repeat may be of what came with it.
    let written = try_join(
        execute(connection, !plan.deliveries.is_empty(), Additions::of(plan)),
        execute(connection, !plan.repeats.is_empty(), plan.repeats.iter().collect::<Repeats>()),
    );
    written.await.map(drop).map_err(overtaken)
}

/// Sends a statement, if it has any rows. Those that are polled together travel together.
async fn execute<T>(mut connection: &Connection, has_rows: bool, statement: T) -> QueryResult<usize>
where
    T: QueryFragment<Pg> + QueryId + Send,
{
    match has_rows {
        true => statement.execute(&mut connection).await,
        false => Ok(0),
    }
}
