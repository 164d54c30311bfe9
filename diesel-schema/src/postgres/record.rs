use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use diesel::define_sql_function;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::{Connection, verbs};
use crate::plan::{Advance, Ground, MessageKey, Plan, ResultKey, ResultWrite};
use crate::standing::Head;
use crate::tables::deliveries::{Known, count_repeats};
use crate::{
    Content, Fingerprint, HandlerSpec, NewDelivery, Recorded, ResultRow, Snapshot, Utc, deliveries, failpoint, results,
    work,
};

define_sql_function! {
    /// A lock on a number, until the transaction ends.
    fn pg_advisory_xact_lock(key: BigInt);
}

/// How many rows a statement writes at most: Postgres takes 65,535 values in one, and a row has up to 30.
const CHUNK: usize = 1_000;

/// Locks the results of the batch, loads what it stands on, decides, writes: a statement a table, whatever the size
/// of the batch.
///
/// A result that is new to two processes at once has no row to lock: the second insert fails on its key, and the whole
/// transaction is run again.
pub(super) async fn record(
    connection: &mut Connection,
    batch: &[NewDelivery],
    handlers: &[HandlerSpec],
    now: Utc,
) -> QueryResult<Vec<Recorded>> {
    lock_nameless(connection, batch).await?;
    let heads = lock_heads(connection, batch).await?;
    let known = known(connection, batch).await?;
    let messages = messages(connection, batch).await?;
    // After the locks: so ids rise with the versions of a result, in whatever process they are made.
    let ids = free_ids(connection, batch.len()).await?;
    let plan = Plan::of(batch, handlers, Ground { heads, known, messages, ids }, now);
    write(connection, &plan).await?;
    failpoint::reach("record.written");
    Ok(plan.recorded)
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
async fn lock_nameless(connection: &mut Connection, batch: &[NewDelivery]) -> QueryResult<()> {
    let nameless = batch.iter().filter(|delivery| matches!(delivery.content, Content::Unusable { .. }));
    let keys: BTreeSet<i64> = nameless
        .filter_map(|delivery| delivery.fingerprint.as_bytes().first_chunk())
        .map(|chunk| i64::from_be_bytes(*chunk))
        .collect();
    for key in keys {
        diesel::select(pg_advisory_xact_lock(key)).execute(connection).await?;
    }
    Ok(())
}

/// The state of each result that the batch names, locked in the order of the keys.
async fn lock_heads<'a>(
    connection: &mut Connection,
    batch: &'a [NewDelivery],
) -> QueryResult<HashMap<ResultKey<'a>, Head<'a>>> {
    let named = |delivery: &'a NewDelivery| delivery.result_id().map(|id| (delivery.endpoint.as_str(), id));
    let keys: Vec<ResultKey<'a>> = batch.iter().filter_map(named).collect();
    let (endpoints, ids): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    // Should an id be at home on two endpoints, both rows are locked: that costs nobody anything.
    let rows: Vec<ResultRow> = results::table
        .filter(results::endpoint.eq_any(endpoints))
        .filter(results::id.eq_any(ids))
        .order((results::endpoint, results::id))
        .for_update()
        .select(ResultRow::as_select())
        .load(connection)
        .await?;
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

async fn known(connection: &mut Connection, batch: &[NewDelivery]) -> QueryResult<HashMap<Fingerprint, Vec<Known>>> {
    let fingerprints: HashMap<&[u8], Fingerprint> =
        batch.iter().map(|delivery| (delivery.fingerprint.as_bytes(), delivery.fingerprint)).collect();
    let rows: Vec<(Vec<u8>, Known)> = deliveries::table
        .filter(deliveries::fingerprint.eq_any(fingerprints.keys().copied().collect::<Vec<&[u8]>>()))
        .select((deliveries::fingerprint, Known::as_select()))
        .load(connection)
        .await?;
    let mut known: HashMap<Fingerprint, Vec<Known>> = HashMap::new();
    for (bytes, row) in rows {
        if let Some(fingerprint) = fingerprints.get(&bytes[..]) {
            known.entry(*fingerprint).or_default().push(row);
        }
    }
    Ok(known)
}

/// The messages of the batch that have come before.
async fn messages<'a>(connection: &mut Connection, batch: &'a [NewDelivery]) -> QueryResult<HashSet<MessageKey<'a>>> {
    let mut keys: HashSet<MessageKey<'a>> = batch.iter().filter_map(NewDelivery::message_key).collect();
    if keys.is_empty() {
        return Ok(keys);
    }
    let (endpoints, ids): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let rows: Vec<(String, Option<String>)> = deliveries::table
        .filter(deliveries::endpoint.eq_any(endpoints))
        .filter(deliveries::message_id.eq_any(ids))
        .select((deliveries::endpoint, deliveries::message_id))
        .distinct()
        .load(connection)
        .await?;
    let stored: HashSet<MessageKey<'_>> =
        rows.iter().filter_map(|(endpoint, id)| Some((endpoint.as_str(), id.as_deref()?))).collect();
    keys.retain(|key| stored.contains(key));
    Ok(keys)
}

async fn free_ids(connection: &mut Connection, count: usize) -> QueryResult<VecDeque<i64>> {
    #[derive(QueryableByName)]
    struct Free {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let query = "SELECT nextval(pg_get_serial_sequence('mojito_deliveries', 'id')) AS id FROM generate_series(1, $1)";
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let free: Vec<Free> = diesel::sql_query(query).bind::<Integer, _>(count).load(connection).await?;
    let mut ids: VecDeque<i64> = free.into_iter().map(|free| free.id).collect();
    ids.make_contiguous().sort_unstable();
    Ok(ids)
}

async fn write(connection: &mut Connection, plan: &Plan<'_>) -> QueryResult<()> {
    // In the order of the results, so that two processes with the same new ones wait for each other in one direction.
    let mut rows: Vec<_> = plan.deliveries.iter().collect();
    rows.sort_by_key(|row| (row.endpoint, row.result_id, row.id));
    for rows in rows.chunks(CHUNK) {
        diesel::insert_into(deliveries::table).values(rows.to_vec()).execute(connection).await?;
    }
    for (id, (times, last)) in &plan.repeats {
        count_repeats(*id, *times, last).execute(connection).await?;
    }
    write_results(connection, &plan.results).await?;
    for rows in plan.work.chunks(CHUNK) {
        diesel::insert_into(work::table).values(rows).execute(connection).await?;
    }
    Ok(())
}

async fn write_results(connection: &mut Connection, advances: &[Advance<'_>]) -> QueryResult<()> {
    let mut states = Vec::new();
    for advance in advances {
        match advance {
            Advance::First(row, snapshot) | Advance::Next(row, snapshot) => states.push((row, *snapshot)),
            Advance::Late { key, late_delivery_id } => {
                let pointer = results::late_delivery_id.eq(late_delivery_id);
                diesel::update(results::table.find(*key)).set(pointer).execute(connection).await?;
            }
        }
    }
    for states in states.chunks(CHUNK) {
        upsert(connection, states).await?;
    }
    Ok(())
}

async fn upsert(connection: &mut Connection, states: &[(&ResultWrite<'_>, &Snapshot)]) -> QueryResult<()> {
    diesel::insert_into(results::table)
        .values(states.to_vec())
        .on_conflict((results::endpoint, results::id))
        .do_update()
        .set((
            results::event.eq(excluded(results::event)),
            results::version.eq(excluded(results::version)),
            results::interview_id.eq(excluded(results::interview_id)),
            results::question_set_id.eq(excluded(results::question_set_id)),
            results::status.eq(excluded(results::status)),
            results::interview_status.eq(excluded(results::interview_status)),
            results::processing_status.eq(excluded(results::processing_status)),
            results::profile_interview_id.eq(excluded(results::profile_interview_id)),
            results::profile_id.eq(excluded(results::profile_id)),
            results::candidate_external_id.eq(excluded(results::candidate_external_id)),
            results::candidate_name.eq(excluded(results::candidate_name)),
            results::candidate_email.eq(excluded(results::candidate_email)),
            results::candidate_phone_number.eq(excluded(results::candidate_phone_number)),
            results::score.eq(excluded(results::score)),
            results::ai_analysis_recruiter_score.eq(excluded(results::ai_analysis_recruiter_score)),
            results::ai_analysis.eq(excluded(results::ai_analysis)),
            results::ai_analysis_recruiter.eq(excluded(results::ai_analysis_recruiter)),
            results::ai_analysis_recruiter_why_hire.eq(excluded(results::ai_analysis_recruiter_why_hire)),
            results::ai_analysis_recruiter_why_not_hire.eq(excluded(results::ai_analysis_recruiter_why_not_hire)),
            results::recruiter_go_next_round.eq(excluded(results::recruiter_go_next_round)),
            results::pdf_export_url.eq(excluded(results::pdf_export_url)),
            results::reason.eq(excluded(results::reason)),
            results::extra.eq(excluded(results::extra)),
            results::delivery_id.eq(excluded(results::delivery_id)),
            results::late_delivery_id.eq(excluded(results::late_delivery_id)),
            results::updated_at.eq(excluded(results::updated_at)),
        ))
        .execute(connection)
        .await?;
    Ok(())
}
