use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::result::Error;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::{join, try_join, try_join3, try_join4};

use super::bulk::{Additions, Overtaken, Repeats, lost_race};
use super::handlers::{KEEP_HANDLERS, active_handlers};
use super::lookup::{self, Heads, KnownBy, Lines, Messages, Numbers, OpenLines, Originals, Stored};
use super::transaction::{self, TransactionSettings};
use super::{Connection, shared};
use crate::engine::db_error::is_lock_timeout;
use crate::engine::update::update;
use crate::rules::batch_plan::{BatchPlan, ReadSet, ResultChange};
use crate::rules::delivery::{MessageKey, ResultKey};
use crate::rules::verdict::ResultState;
use crate::schema::deliveries::StoredCopy;
use crate::{
    Content, Fingerprint, HandlerSpec, NewDelivery, Recorded, ResultRow, Standing, Step, Stopped, Timestamp, results,
};

/// How long recording waits for a lock that it did not expect: of a table, or of rows that the host's triggers write.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Locks the results of the batch, loads their rows, decides, writes. The statements are few, whatever the size of the
/// batch, and pipelining sends independent ones in one round trip.
///
/// Members that need a lock of another transaction are set aside as `None`, each with all of its result, so that nobody
/// waits for them. A single member is set aside as well where the write is the first to find the lock.
///
/// A result that is new to two processes at once has no row to lock. The statement of the second process fails, and its
/// whole transaction is run again.
pub(super) async fn record(connection: &mut Connection, batch: &[NewDelivery]) -> QueryResult<Vec<Option<Recorded>>> {
    let began = Instant::now();
    match record_unlocked(connection, batch).await {
        Err(error) if batch.len() == 1 && is_lock_timeout(&error, began.elapsed(), LOCK_TIMEOUT) => Ok(vec![None]),
        outcome => outcome,
    }
}

async fn record_unlocked(connection: &mut Connection, batch: &[NewDelivery]) -> QueryResult<Vec<Option<Recorded>>> {
    let handlers = OnceLock::new();
    let (plan, locked) = plan(connection, batch, &handlers).await?;
    carry_out(connection, &plan).await?;
    let mut recorded = plan.recorded.into_iter();
    Ok(batch.iter().map(|delivery| if locked.has(delivery) { None } else { recorded.next() }).collect())
}

/// Records a delivery, and rolls it back.
pub(super) async fn try_record(connection: &mut Connection, delivery: &NewDelivery) -> QueryResult<()> {
    let handlers = OnceLock::new();
    let (plan, _) = plan(connection, std::slice::from_ref(delivery), &handlers).await?;
    let written = async {
        write(connection, &plan).await?;
        // Constraints of the commit are checked now.
        connection.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
        Err::<(), _>(Error::RollbackTransaction)
    };
    let written = written.await;
    match transaction::end(connection, written).await {
        Err(Error::RollbackTransaction) => Ok(()),
        outcome => outcome,
    }
}

/// Begins a transaction, locks, loads and decides. The transaction stays open, unless a step fails. The handlers are
/// loaded as well, and kept for as long as the plan.
async fn plan<'a>(
    connection: &mut Connection,
    batch: &'a [NewDelivery],
    handlers: &'a OnceLock<Vec<HandlerSpec>>,
) -> QueryResult<(BatchPlan<'a>, Locked<'a>)> {
    // Pipelined in this order. The reads come after the locks, so they see every commit of another process. The ids
    // come after the locks too, so they rise with a result's versions, whichever process makes them.
    let ground = async {
        let locks = try_join(lock_nameless(connection, batch), lock_heads(connection, batch));
        let (messages, free) = (messages(connection, batch), free(connection, batch));
        try_join4(locks, messages, free, active_handlers(connection)).await
    };
    let settings = TransactionSettings::planned_once().statements();
    let settings = format!("{settings}; SET LOCAL lock_timeout = '{}ms'; {KEEP_HANDLERS}", LOCK_TIMEOUT.as_millis());
    let (begun, ground) = join(transaction::start(connection, &settings), ground).await;
    transaction::account_for(connection, begun).await?;
    let plan = async {
        let (locks, messages, BatchInputs { now, ids, waiting: mut known }, active) = ground?;
        let (nameless, (heads, mut results)) = locks;
        let handlers = handlers.get_or_init(|| active).as_slice();
        let mut lines = HashSet::new();
        if !heads.is_empty() {
            // Pipelined in this order: a line is read under its lock.
            let loaded = try_join3(
                lock_lines(connection, &heads),
                open_lines(connection, &heads, handlers),
                known_by(connection, batch, &heads),
            );
            let (busy, open, of_results) = loaded.await?;
            results.extend(busy);
            known.extend(of_results);
            lines = open;
        }
        let known = by_fingerprint(batch, known);
        let mut locked = Locked { results, fingerprints: nameless };
        locked.look_for_originals(connection, batch, &heads, &known).await?;
        let open = batch.iter().filter(|delivery| !locked.has(delivery));
        Ok((BatchPlan::new(open, handlers, ReadSet { heads, known, messages, lines, ids }, now), locked))
    };
    match plan.await {
        Ok(plan) => Ok(plan),
        Err(error) => transaction::end(connection, Err(error)).await,
    }
}

/// Records a quarantined delivery under the id that it has already.
pub(super) async fn admit(
    connection: &mut Connection,
    delivery_id: i64,
    delivery: &NewDelivery,
    handler: Option<&str>,
    step: &Step,
    now: Timestamp,
) -> QueryResult<Result<Option<Recorded>, Stopped>> {
    connection.batch_execute(KEEP_HANDLERS).await?;
    if let Some((endpoint, id)) = delivery.result_key() {
        let head = results::table.find((endpoint, id)).select(results::version);
        head.for_no_key_update().get_result::<i64>(connection).await.optional()?;
    }
    shared::admit(connection, delivery_id, delivery, handler, step, now).await
}

/// The results and fingerprints of a batch that another transaction has locked.
struct Locked<'a> {
    results: HashSet<ResultKey<'a>>,
    fingerprints: HashSet<Fingerprint>,
}

impl<'a> Locked<'a> {
    fn has(&self, delivery: &NewDelivery) -> bool {
        let has_result = delivery.result_key().is_some_and(|key| self.results.contains(&key));
        has_result || self.fingerprints.contains(&delivery.fingerprint)
    }

    /// Locks the deliveries that the batch may repeat. The count of a delivery that another transaction has locked
    /// cannot be written.
    async fn look_for_originals(
        &mut self,
        mut connection: &Connection,
        batch: &'a [NewDelivery],
        heads: &HashMap<ResultKey<'a>, ResultState<'a>>,
        known: &HashMap<Fingerprint, Vec<StoredCopy>>,
    ) -> QueryResult<()> {
        let originals = |delivery: &'a NewDelivery| {
            let tombstone = delivery.result_key().and_then(|key| heads.get(&key)).filter(|head| head.erased);
            let copies = known.get(&delivery.fingerprint).map_or(&[][..], Vec::as_slice);
            copies.iter().map(|copy| copy.id).chain(tombstone.map(|head| head.delivery_id))
        };
        if known.is_empty() && !heads.values().any(|head| head.erased) {
            return Ok(());
        }
        let asked: Originals = batch.iter().flat_map(originals).collect();
        let free: HashSet<i64> = asked.load(&mut connection).await?.into_iter().collect();
        for delivery in batch.iter().filter(|delivery| originals(delivery).any(|id| !free.contains(&id))) {
            match delivery.result_key() {
                Some(key) => drop(self.results.insert(key)),
                None => drop(self.fingerprints.insert(delivery.fingerprint)),
            }
        }
        Ok(())
    }
}

/// Locks the fingerprints of deliveries that nobody understands. Such a delivery may have no result whose row could be
/// locked, and copies in two processes at once would be two deliveries. Gives back the fingerprints that another
/// transaction has locked.
async fn lock_nameless(mut connection: &Connection, batch: &[NewDelivery]) -> QueryResult<HashSet<Fingerprint>> {
    let number =
        |fingerprint: &Fingerprint| fingerprint.as_bytes().first_chunk().map(|chunk| i64::from_be_bytes(*chunk));
    let nameless = batch.iter().filter(|delivery| matches!(delivery.content, Content::Unusable { .. }));
    let mut fingerprints: HashSet<Fingerprint> = nameless.map(|delivery| delivery.fingerprint).collect();
    if fingerprints.is_empty() {
        return Ok(fingerprints);
    }
    let asked: Numbers = fingerprints.iter().filter_map(number).collect();
    let free: HashSet<i64> = asked.load(&mut connection).await?.into_iter().collect();
    fingerprints.retain(|fingerprint| number(fingerprint).is_some_and(|number| !free.contains(&number)));
    Ok(fingerprints)
}

/// The state of each result in the batch, locked in the order of the keys; and the results that another transaction has
/// locked.
async fn lock_heads<'a>(
    mut connection: &Connection,
    batch: &'a [NewDelivery],
) -> QueryResult<(HashMap<ResultKey<'a>, ResultState<'a>>, HashSet<ResultKey<'a>>)> {
    let keys: HashSet<ResultKey<'a>> = batch.iter().filter_map(NewDelivery::result_key).collect();
    let (asked, stored): (Heads<'_>, Stored<'_>) = (keys.iter().copied().collect(), keys.iter().copied().collect());
    let mut other = connection;
    let (rows, stored): (Vec<ResultRow>, Vec<(String, String)>) =
        try_join(asked.load(&mut connection), stored.load(&mut other)).await?;
    let stored: HashSet<ResultKey<'_>> = stored.iter().map(|(endpoint, id)| (endpoint.as_str(), id.as_str())).collect();
    let mut by_key: HashMap<(String, String), ResultState<'a>> =
        rows.into_iter().map(|row| ((row.endpoint.clone(), row.id.clone()), ResultState::from(row))).collect();
    let (mut heads, mut locked) = (HashMap::new(), HashSet::new());
    for key in keys {
        match by_key.remove(&(key.0.to_owned(), key.1.to_owned())) {
            Some(head) => drop(heads.insert(key, head)),
            None if stored.contains(&key) => drop(locked.insert(key)),
            None => {}
        }
    }
    Ok((heads, locked))
}

/// A stored delivery, under its fingerprint.
type KnownRow = (Vec<u8>, i64, Standing, Option<String>);

/// The deliveries of the batch's results with its fingerprints.
async fn known_by(
    mut connection: &Connection,
    batch: &[NewDelivery],
    heads: &HashMap<ResultKey<'_>, ResultState<'_>>,
) -> QueryResult<Vec<KnownRow>> {
    let of_stored = batch.iter().filter_map(|delivery| Some((delivery, heads.get(&delivery.result_key()?)?)));
    let asked: KnownBy<'_> =
        of_stored.map(|(delivery, head)| (head.first_delivery_id, delivery.fingerprint.as_bytes())).collect();
    asked.load(&mut connection).await
}

/// Locks the lines of these results. Gives back the results in whose lines somebody ends work at this moment, to be set
/// aside.
async fn lock_lines<'a>(
    mut connection: &Connection,
    heads: &HashMap<ResultKey<'a>, ResultState<'_>>,
) -> QueryResult<Vec<ResultKey<'a>>> {
    let asked: Lines = heads.values().map(|head| head.first_delivery_id).collect();
    let locked: HashSet<i64> = asked.load(&mut connection).await?.into_iter().collect();
    let is_busy = |head: &ResultState<'_>| !locked.contains(&head.first_delivery_id);
    Ok(heads.iter().filter(|(_, head)| is_busy(head)).map(|(key, _)| *key).collect())
}

/// The lines of the batch's results that have unfinished work or a first.
async fn open_lines<'a>(
    mut connection: &Connection,
    heads: &HashMap<ResultKey<'_>, ResultState<'_>>,
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

fn by_fingerprint(batch: &[NewDelivery], rows: Vec<KnownRow>) -> HashMap<Fingerprint, Vec<StoredCopy>> {
    let fingerprints: HashMap<&[u8], Fingerprint> =
        batch.iter().map(|delivery| (delivery.fingerprint.as_bytes(), delivery.fingerprint)).collect();
    let mut known: HashMap<Fingerprint, Vec<StoredCopy>> = HashMap::new();
    for (bytes, id, standing, message_id) in rows {
        if let Some(fingerprint) = fingerprints.get(&bytes[..]) {
            known.entry(*fingerprint).or_default().push(StoredCopy { id, standing, message_id });
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

/// The inputs that every batch needs.
struct BatchInputs {
    /// The time by the database's clock.
    now: Timestamp,
    /// An id for each delivery.
    ids: VecDeque<i64>,
    /// The quarantined deliveries with the fingerprints of the batch.
    waiting: Vec<KnownRow>,
}

async fn free(mut connection: &Connection, batch: &[NewDelivery]) -> QueryResult<BatchInputs> {
    let asked: lookup::BatchInputs<'_> = batch.iter().map(|delivery| delivery.fingerprint.as_bytes()).collect();
    let mut rows: Vec<(Timestamp, i64, Option<KnownRow>)> = asked.load(&mut connection).await?;
    rows.sort_unstable_by_key(|(_, id, _)| *id);
    let [(now, ..), ..] = rows[..] else { return Err(Error::NotFound) };
    let (ids, waiting): (VecDeque<i64>, Vec<_>) = rows.into_iter().map(|(_, id, waiting)| (id, waiting)).unzip();
    Ok(BatchInputs { now, ids, waiting: waiting.into_iter().flatten().collect() })
}

/// Writes the plan, and commits: in one round trip, unless a write has to wait for another.
async fn carry_out(connection: &mut Connection, plan: &BatchPlan<'_>) -> QueryResult<()> {
    let late = plan.results.iter().filter_map(|advance| match advance {
        ResultChange::Late { key, late_delivery_id } => Some((*key, *late_delivery_id)),
        ResultChange::First(_) | ResultChange::Next(_) => None,
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

/// Writes the rows that are new, counts repeats, and skips overtaken work.
async fn write(connection: &Connection, plan: &BatchPlan<'_>) -> QueryResult<()> {
    // Pipelined in this order: a repeat's original may come in the same batch, and so may overtaken work.
    let written = try_join3(
        execute(connection, !plan.deliveries.is_empty(), Additions::new(plan)),
        execute(connection, !plan.repeats.is_empty(), plan.repeats.iter().collect::<Repeats>()),
        execute(connection, !plan.overtaken.is_empty(), Overtaken::new(plan)),
    );
    written.await.map(drop).map_err(lost_race)
}

/// Sends a statement, if it has any rows. Statements that are polled together are pipelined.
async fn execute<T>(mut connection: &Connection, has_rows: bool, statement: T) -> QueryResult<usize>
where
    T: QueryFragment<Pg> + QueryId + Send,
{
    if has_rows { statement.execute(&mut connection).await } else { Ok(0) }
}
