use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use diesel::define_sql_function;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::Connection;
use crate::schema::work::{WAIT, Wait};
use crate::{Line, Timestamp, deliveries, work};

define_sql_function! {
    /// Promotes within a line, under its lock: see the migration that makes it.
    fn mojito_promote(line: BigInt, of_handler: Text) -> Nullable<Bool>;
}

define_sql_function! {
    /// Ends overtaken work, and promotes, under the lock of the line: see the migration that makes it.
    fn mojito_skip_overtaken(line: BigInt, of_handler: Text, ended: Nullable<BigInt>) -> Bool;
}

/// Promotes within a line: the earliest unfinished row becomes the first, unless a row of the line runs. Gives back
/// whether a row was promoted.
pub(super) async fn promote(mut connection: &Connection, line: &Line) -> QueryResult<bool> {
    let promoted = diesel::select(mojito_promote(line.first_delivery_id, &line.handler));
    Ok(promoted.get_result::<Option<bool>>(&mut connection).await?.unwrap_or(false))
}

/// The statement that promotes within a line, for a message of several statements. In a transaction whose isolation level
/// hides from it the recordings of others it changes nothing, and the line has to be promoted later. The handler's name is in hexadecimal,
/// which reads the same whatever a host has set for quotes.
pub(super) fn promotion(line: &Line) -> String {
    let name = line.handler.bytes().fold(String::new(), |mut name, byte| {
        write!(name, "{byte:02x}").expect("a string takes everything");
        name
    });
    format!("SELECT mojito_promote({}, convert_from(decode('{name}', 'hex'), 'UTF8'))", line.first_delivery_id)
}

/// Ends the overtaken work of a line as skipped, and promotes: only where the handler wants the latest version. Work that
/// waits is overtaken by each newer version that the handler has work of, unless a replay made it wait. `ended` is work
/// that the caller has just given up, or made wait. Gives back whether that was skipped.
pub(super) async fn skip_overtaken(
    mut connection: &Connection,
    line: &Line,
    ended: Option<i64>,
    _: Timestamp,
) -> QueryResult<bool> {
    let skipped = mojito_skip_overtaken(line.first_delivery_id, &line.handler, ended);
    diesel::select(skipped).get_result(&mut connection).await
}

/// Locks the rows with these keys that exist, do not run, and are not locked by anybody else. A handler's transaction
/// has its row locked to its end.
///
/// No other row is locked, and the caller promotes in the line of each that waits: others promote past a locked row.
pub(super) async fn lock_idle(
    mut connection: &Connection,
    keys: impl Iterator<Item = (i64, &str)>,
) -> QueryResult<HashSet<(i64, String)>> {
    let mut ids_by_handler: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (id, handler) in keys {
        ids_by_handler.entry(handler).or_default().push(id);
    }
    let mut idle = HashSet::new();
    for (handler, ids) in ids_by_handler {
        let rows = work::table
            .filter(work::delivery_id.eq_any(ids))
            .filter(work::handler.eq(handler))
            .filter(work::lease_until.is_null())
            .order(work::delivery_id)
            .for_update()
            .skip_locked()
            .select((work::delivery_id, work::handler));
        idle.extend(rows.load::<(i64, String)>(&mut connection).await?);
    }
    Ok(idle)
}

/// Whether a delivery exists, and nobody is about to remove it. Then nobody removes it before the transaction ends.
pub(super) async fn keep_delivery(mut connection: &Connection, id: i64) -> QueryResult<bool> {
    let row = deliveries::table.find(id).select(deliveries::id).for_key_share().skip_locked();
    Ok(row.get_result::<i64>(&mut connection).await.optional()?.is_some())
}

/// Locks deliveries and their work, and waits for others that have locked them. Until the transaction ends, nobody makes
/// work of these deliveries wait again, and nobody makes more of it. The next statement sees what was committed before.
pub(super) async fn lock_deliveries(mut connection: &Connection, ids: &[i64]) -> QueryResult<()> {
    let rows = deliveries::table.filter(deliveries::id.eq_any(ids)).order(deliveries::id).select(deliveries::id);
    rows.for_update().load::<i64>(&mut connection).await?;
    let rows = work::table.filter(work::delivery_id.eq_any(ids)).order((work::delivery_id, work::handler));
    rows.for_update().select(work::delivery_id).load::<i64>(&mut connection).await?;
    Ok(())
}

/// Locks a row, and gives back how long it waits, unless another transaction has locked it: a locked row does not wait
/// for its time.
pub(super) async fn lock_wait(mut connection: &Connection, id: i64, handler: &str) -> QueryResult<Option<Wait>> {
    let row = work::table.find((id, handler)).select(WAIT).for_update().skip_locked();
    row.get_result(&mut connection).await.optional()
}
