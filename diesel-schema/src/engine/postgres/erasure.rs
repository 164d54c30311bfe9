use std::time::{Duration, Instant};

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::transaction::{self, TransactionSettings};
use super::{Connection, shared};
use crate::{ErasedRows, Undone};

/// The time limit of the wait for transactions that began before an erasure, the same as SQLite's busy timeout.
const OLDER_TRANSACTIONS_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval of the look whether they have ended: the server notifies nobody.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The number of times that each table is vacuumed.
const PASSES: usize = 2;

/// The settings for the host's own statements behind ours. The planner is free again, and a hook may pause for longer
/// than the wait for a hook lasts.
const HOST_TERMS: &str = "
    SET LOCAL enable_seqscan TO DEFAULT;
    SET LOCAL enable_hashjoin TO DEFAULT;
    SET LOCAL enable_mergejoin TO DEFAULT;
    SET LOCAL enable_material TO DEFAULT;
    SET LOCAL jit TO DEFAULT;
    SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// An id that is younger than every erasure, and whether the role may vacuum the tables. Without that right `VACUUM`
/// warns, skips them and reports success. Since version 17 there is a privilege for it, which owners have.
const BEFORE_VACUUM: &str = "
    SELECT pg_current_xact_id()::xid::text AS since, pg_has_role(datdba, 'USAGE') OR NOT EXISTS (
        SELECT FROM pg_class
        WHERE oid IN ('mojito_deliveries'::regclass, 'mojito_results'::regclass, 'mojito_work'::regclass,
                'mojito_attempts'::regclass)
            AND NOT CASE WHEN current_setting('server_version_num')::integer >= 170000
                THEN has_table_privilege(oid, 'MAINTAIN') ELSE pg_has_role(relowner, 'USAGE') END
    ) AS may_vacuum FROM pg_database WHERE datname = current_database()";

#[derive(QueryableByName)]
struct BeforeVacuum {
    #[diesel(sql_type = Text)]
    since: String,
    #[diesel(sql_type = Bool)]
    may_vacuum: bool,
}

/// Whether an open transaction may still see rows as they were before the transaction with this id, or was open when
/// that one ended. Columns of another role's session may be hidden, and are null.
///
/// A standby that reads nothing tells of the next id as the oldest that it needs.
fn is_in_use_since(xid: &str) -> String {
    let is_older = |column: &str| format!("age({column}) > age('{xid}'::xid)");
    let is_as_old = |column: &str| format!("age({column}) >= age('{xid}'::xid)");
    let (xmin, own) = (is_as_old("backend_xmin"), is_as_old("backend_xid"));
    let (standby, prepared, slot) = (is_older("backend_xmin"), is_older("transaction"), is_older("xmin"));
    format!(
        "SELECT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE (datname = current_database() AND ({xmin} OR {own}) OR datname IS NULL AND {standby})
                AND pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'autovacuum worker'
        ) OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database() AND {prepared})
        OR EXISTS (SELECT FROM pg_replication_slots WHERE {slot}) AS value"
    )
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    value: bool,
}

/// Erases a result in a transaction that stays open.
pub(super) async fn begin(connection: &mut Connection, endpoint: &str, id: &str) -> QueryResult<ErasedRows> {
    transaction::begin(connection, TransactionSettings::default()).await?;
    match erase(connection, endpoint, id).await {
        Ok(rows) => Ok(rows),
        Err(error) => transaction::end(connection, Err(error)).await,
    }
}

async fn erase(connection: &mut Connection, endpoint: &str, id: &str) -> QueryResult<ErasedRows> {
    let now = transaction::now(connection).await?;
    let rows = shared::erase_result(connection, endpoint, id, now).await?;
    connection.batch_execute(HOST_TERMS).await?;
    Ok(rows)
}

/// Gives the dead rows back to the tables' files. The server's WAL and its backups are its own matter.
///
/// VACUUM passes by a page that somebody has pinned, without a word. Most pins last for a moment, and any ends with its
/// transaction. So there is a second pass, once those who were there in the first have ended.
pub(super) async fn scrub(connection: &mut Connection) -> QueryResult<Vec<Undone>> {
    for _ in 0..PASSES {
        let BeforeVacuum { since, may_vacuum } = ask(connection, BEFORE_VACUUM).await?;
        if !may_vacuum {
            return Ok(vec![Undone::Vacuum]);
        }
        let is_in_use = is_in_use(connection, &since).await?;
        connection.batch_execute("VACUUM mojito_deliveries").await?;
        connection.batch_execute("VACUUM mojito_results").await?;
        connection.batch_execute("VACUUM mojito_work").await?;
        connection.batch_execute("VACUUM mojito_attempts").await?;
        if is_in_use {
            return Ok(vec![Undone::Reader]);
        }
    }
    Ok(Vec::new())
}

/// Waits until no transaction sees the removed rows any more, nor was open when this id was given out. Gives back
/// whether one still does.
async fn is_in_use(connection: &mut Connection, since: &str) -> QueryResult<bool> {
    let began = Instant::now();
    while ask::<Answer>(connection, &is_in_use_since(since)).await?.value {
        if began.elapsed() > OLDER_TRANSACTIONS_TIMEOUT {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(false)
}

/// Runs the query in a transaction, because there may be a proxy in between.
async fn ask<R: QueryableByName<Pg> + Send + 'static>(connection: &mut Connection, query: &str) -> QueryResult<R> {
    transaction::begin(connection, TransactionSettings::default()).await?;
    let answer = diesel::sql_query(query).get_result(connection).await;
    transaction::end(connection, answer).await
}
