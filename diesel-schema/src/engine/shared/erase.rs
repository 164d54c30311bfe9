use diesel::dsl::{auto_type, sql};
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, NullableExpressionMethods, OptionalExtension, QueryDsl,
    QueryResult, SelectableHelper,
};
use diesel::sql_types::{BigInt, Bool};

use super::{Connection, RunQueryDsl, promote};
use crate::{
    Bodies, ErasedRows, Field, Line, Snapshot, State, StoredBody, StoredState, Timestamp, attempts, deliveries,
    results, work,
};

/// The text in place of an erased error text.
const ERASED: &str = "erased";

/// How many rows are weighed at once, before the rows that are light enough together are read.
const MAX_ROWS_WEIGHED: i64 = 500;

/// The next bodies. Their sizes are asked first: no database reads a body for its size.
pub(crate) async fn bodies(
    connection: &mut Connection,
    which: Bodies,
    after_id: i64,
    max_bytes: i64,
) -> QueryResult<Vec<StoredBody>> {
    let stored = bodies_after(after_id, which == Bodies::All);
    let weights: Vec<(i64, i64)> = stored
        .order(deliveries::id)
        .limit(MAX_ROWS_WEIGHED)
        .select((deliveries::id, sql::<BigInt>("CAST(octet_length(body) AS BIGINT)")))
        .load(connection)
        .await?;
    let Some(last_id) = last_within(&weights, max_bytes) else { return Ok(Vec::new()) };
    stored
        .filter(deliveries::id.le(last_id))
        .order(deliveries::id)
        .select((
            deliveries::id,
            deliveries::endpoint,
            deliveries::result_id,
            deliveries::first_delivery_id,
            deliveries::body.assume_not_null(),
        ))
        .load(connection)
        .await
}

/// The next states, in the same way.
pub(crate) async fn states(
    connection: &mut Connection,
    after_id: i64,
    max_bytes: i64,
) -> QueryResult<Vec<StoredState>> {
    let stored = results::table.filter(results::delivery_id.gt(after_id)).filter(results::erased_at.is_null());
    let weights: Vec<(i64, i64)> = stored
        .order(results::delivery_id)
        .limit(MAX_ROWS_WEIGHED)
        .select((results::delivery_id, sql::<BigInt>(&weight_of_state())))
        .load(connection)
        .await?;
    let Some(last_id) = last_within(&weights, max_bytes) else { return Ok(Vec::new()) };
    stored
        .filter(results::delivery_id.le(last_id))
        .order(results::delivery_id)
        .select((
            results::delivery_id,
            results::endpoint,
            results::id,
            results::first_delivery_id,
            Snapshot::as_select(),
        ))
        .load(connection)
        .await
}

/// The last row of those that are light enough together, and at least the first row.
fn last_within(weights: &[(i64, i64)], max_bytes: i64) -> Option<i64> {
    let mut sum = 0;
    let light = weights.iter().take_while(|(_, bytes)| {
        sum += bytes;
        sum <= max_bytes
    });
    light.last().or(weights.first()).map(|(id, _)| *id)
}

/// The bytes of a state's texts.
fn weight_of_state() -> String {
    let is_text =
        |field: &&Field| !matches!(field, Field::Score | Field::AiAnalysisRecruiterScore | Field::RecruiterGoNextRound);
    let texts = Field::ALL.iter().filter(is_text);
    let texts: String = texts.map(|field| format!(" + coalesce(octet_length({}), 0)", field.as_str())).collect();
    format!("CAST(octet_length(extra){texts} AS BIGINT)")
}

/// The rows that an erasure would remove of a result.
pub(crate) async fn count_erasure(connection: &mut Connection, endpoint: &str, id: &str) -> QueryResult<ErasedRows> {
    let mut rows = ErasedRows {
        results: unerased(endpoint, id).count().get_result::<i64>(connection).await?.unsigned_abs(),
        bodies: waiting_bodies(endpoint, id).count().get_result::<i64>(connection).await?.unsigned_abs(),
        ..ErasedRows::default()
    };
    if let Some(first) = first_delivery(connection, endpoint, id).await? {
        rows.bodies += filed_bodies(first).count().get_result::<i64>(connection).await?.unsigned_abs();
        rows.errors = errors_of(first).count().get_result::<i64>(connection).await?.unsigned_abs();
        rows.errors += kept_errors_of(first).count().get_result::<i64>(connection).await?.unsigned_abs();
        rows.work = open_work(first).count().get_result::<i64>(connection).await?.unsigned_abs();
    }
    Ok(rows)
}

pub(crate) async fn erase_result(
    connection: &mut Connection,
    endpoint: &str,
    id: &str,
    now: Timestamp,
) -> QueryResult<ErasedRows> {
    let tombstone = (Snapshot::empty(), results::erased_at.eq(now), results::updated_at.eq(now));
    let no_body = || deliveries::body.eq(None::<Vec<u8>>);
    let mut rows = ErasedRows {
        results: diesel::update(unerased(endpoint, id)).set(tombstone).execute(connection).await? as u64,
        bodies: diesel::update(waiting_bodies(endpoint, id)).set(no_body()).execute(connection).await? as u64,
        ..ErasedRows::default()
    };
    let Some(first) = first_delivery(connection, endpoint, id).await? else { return Ok(rows) };
    rows.bodies += diesel::update(filed_bodies(first)).set(no_body()).execute(connection).await? as u64;
    // An owed hook `discarded` comes with an error. From now on the hook `erased` alone is called.
    let no_error = (
        work::last_error.eq(None::<String>),
        work::error_group.eq(None::<String>),
        work::hook_due_at.eq(None::<Timestamp>),
    );
    rows.errors = diesel::update(errors_of(first)).set(no_error).execute(connection).await? as u64;
    // A running attempt fails at its fence: its state is not `running` any more.
    let given_up = (
        work::state.eq(State::Discarded),
        work::due_at.eq(None::<Timestamp>),
        work::lease_until.eq(None::<Timestamp>),
        work::finished_at.eq(now),
        work::last_error.eq(ERASED),
        work::error_group.eq(ERASED),
        work::is_first.eq(false),
        work::hook_due_at.eq(None::<Timestamp>),
    );
    rows.work = diesel::update(open_work(first)).set(given_up).execute(connection).await? as u64;
    // After the open work: an attempt that is being settled has its row locked, and may add its error meanwhile.
    let no_error = attempts::error.eq(None::<String>);
    rows.errors += diesel::update(kept_errors_of(first)).set(no_error).execute(connection).await? as u64;
    promote_all(connection, first).await?;
    Ok(rows)
}

/// Somebody may have made work wait again meanwhile. Such work is the first of its line then, and ends where its body
/// is missed.
async fn promote_all(connection: &mut Connection, first_delivery_id: i64) -> QueryResult<()> {
    let of_result = work::table.filter(work::first_delivery_id.eq(first_delivery_id));
    // By the delivery too, so that a key finds the rows.
    let first = of_result.filter(work::delivery_id.ge(first_delivery_id));
    let handlers: Vec<String> = first.select(work::handler).distinct().order(work::handler).load(connection).await?;
    for handler in handlers {
        promote(connection, &Line { first_delivery_id, handler }).await?;
    }
    Ok(())
}

pub(crate) async fn erase_body(connection: &mut Connection, delivery_id: i64) -> QueryResult<ErasedRows> {
    let row = deliveries::table.find(delivery_id).filter(deliveries::body.is_not_null());
    let bodies = diesel::update(row).set(deliveries::body.eq(None::<Vec<u8>>)).execute(connection).await?;
    Ok(ErasedRows { bodies: bodies as u64, ..ErasedRows::default() })
}

/// The first delivery about a result: all its deliveries, and their work, are filed under it.
async fn first_delivery(connection: &mut Connection, endpoint: &str, id: &str) -> QueryResult<Option<i64>> {
    let first = results::table.find((endpoint, id)).select(results::first_delivery_id);
    first.get_result(connection).await.optional()
}

#[auto_type(no_type_alias)]
fn bodies_after(after_id: i64, of_all: bool) -> _ {
    deliveries::table
        .filter(deliveries::id.gt(after_id))
        .filter(deliveries::body.is_not_null())
        .filter(deliveries::first_delivery_id.is_null().or(of_all.into_sql::<Bool>()))
}

#[auto_type(no_type_alias)]
fn unerased<'a>(endpoint: &'a str, id: &'a str) -> _ {
    results::table.find((endpoint, id)).filter(results::erased_at.is_null())
}

/// Bodies of a result that wait in quarantine.
#[auto_type(no_type_alias)]
fn waiting_bodies<'a>(endpoint: &'a str, id: &'a str) -> _ {
    deliveries::table
        .filter(deliveries::endpoint.eq(endpoint))
        .filter(deliveries::result_id.eq(id))
        .filter(deliveries::first_delivery_id.is_null())
        .filter(deliveries::body.is_not_null())
}

#[auto_type(no_type_alias)]
fn filed_bodies(first_delivery_id: i64) -> _ {
    deliveries::table.filter(deliveries::first_delivery_id.eq(first_delivery_id)).filter(deliveries::body.is_not_null())
}

#[auto_type(no_type_alias)]
fn errors_of(first_delivery_id: i64) -> _ {
    work::table.filter(work::first_delivery_id.eq(first_delivery_id)).filter(work::last_error.is_not_null())
}

/// The errors in the history of a result.
#[auto_type(no_type_alias)]
fn kept_errors_of(first_delivery_id: i64) -> _ {
    let of_result = deliveries::table.filter(deliveries::first_delivery_id.eq(first_delivery_id));
    attempts::table
        .filter(attempts::delivery_id.eq_any(of_result.select(deliveries::id)))
        .filter(attempts::error.is_not_null())
}

#[auto_type(no_type_alias)]
fn open_work(first_delivery_id: i64) -> _ {
    work::table.filter(work::first_delivery_id.eq(first_delivery_id)).filter(work::finished_at.is_null())
}
