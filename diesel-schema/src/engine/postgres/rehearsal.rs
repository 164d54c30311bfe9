use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join;

use super::fence::{self, beginning, guard, is_outermost, not_committed, not_intact, opened, whether_intact};
use super::shared::ChangeCounts;
use super::transaction::{self, STATEMENT_TIMEOUT, TRANSACTION_SETTING};
use super::{Connection, connection, shared};
use crate::{Line, NotCommitted, RolledBack, TableChange};

/// Keeps the counts so far in a setting of the transaction. The server counts for the session, and gives the counts of
/// former transactions out as well, until it has handed them to its statistics.
const KEEP_COUNTS: &str = "SELECT set_config('mojito.rehearsal', \
    coalesce(json_object_agg(relid, json_build_array(n_tup_ins, n_tup_upd, n_tup_del))::text, '{}'), true) \
    FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0";

/// The rows that were changed since then, by table.
const CHANGED: &str = r"SELECT * FROM (
    SELECT CASE WHEN pg_table_is_visible(ended.relid) THEN ended.relname ELSE ended.schemaname || '.' || ended.relname END
            AS name,
        ended.n_tup_ins - coalesce((begun.counts->>0)::bigint, 0) AS inserted,
        ended.n_tup_upd - coalesce((begun.counts->>1)::bigint, 0) AS updated,
        ended.n_tup_del - coalesce((begun.counts->>2)::bigint, 0) AS deleted
    FROM pg_stat_xact_user_tables AS ended
    LEFT JOIN json_each(current_setting('mojito.rehearsal')::json) AS begun (relid, counts)
        ON begun.relid = ended.relid::text
    WHERE ended.n_tup_ins + ended.n_tup_upd + ended.n_tup_del > 0 AND ended.relname NOT LIKE 'mojito\_%'
    ) AS counts WHERE inserted + updated + deleted > 0 ORDER BY name";

/// The error where the server counts no rows: a count of nothing would be taken for no change.
const NOTHING_COUNTED: &str = "the server counts no changed rows: switch `track_counts` on for a rehearsal";

#[derive(QueryableByName)]
struct Counting {
    #[diesel(sql_type = Bool)]
    is_on: bool,
}

/// Begins a handler's transaction without a fence, unless work of the line is leased. It has the same settings as one
/// with a fence.
pub(super) async fn begin(connection: &mut Connection, line: &Line, pause: Duration) -> QueryResult<bool> {
    let (beginning, is_session) = (beginning(), connection::keeps_statements(connection));
    let (guarded, begun) = {
        let shared = &*connection;
        join(guard(shared, is_session), transaction::start(shared, &beginning)).await
    };
    opened(connection, guarded.and(begun)).await?;
    match prepare(connection, line, pause).await {
        Ok(true) => Ok(true),
        Ok(false) => fence::rollback(connection).await.map(|_| false),
        Err(error) => {
            let _ = fence::rollback(connection).await?;
            Err(error)
        }
    }
}

/// Looks whether the line is free, begins to count, and gives the transaction the host's planner.
async fn prepare(connection: &mut Connection, line: &Line, pause: Duration) -> QueryResult<bool> {
    if shared::is_leased(connection, line).await? {
        return Ok(false);
    }
    let counting = diesel::sql_query("SELECT current_setting('track_counts')::boolean AS is_on");
    if !counting.get_result::<Counting>(connection).await?.is_on {
        return Err(Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(NOTHING_COUNTED.to_owned())));
    }
    let settings = format!(
        "{KEEP_COUNTS}; SELECT set_config('enable_seqscan', current_setting('{TRANSACTION_SETTING}'), true); \
        SET LOCAL statement_timeout = {STATEMENT_TIMEOUT}; \
        SET LOCAL idle_in_transaction_session_timeout = '{}ms'",
        pause.as_millis()
    );
    connection.batch_execute(&settings).await.map(|()| true)
}

/// Checks what a commit would check, counts, and rolls back.
pub(super) async fn end(connection: &mut Connection, line: &Line) -> Result<RolledBack, NotCommitted> {
    if !is_outermost(connection) {
        return Err(NotCommitted::Unfinished);
    }
    connection.batch_execute(&whether_intact()).await.map_err(not_intact)?;
    // The deferred triggers of the host run now, and what they change counts.
    connection.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await.map_err(not_committed)?;
    let changes = changes(connection).await.map_err(not_committed)?;
    connection.batch_execute("SET LOCAL enable_seqscan = off").await.map_err(not_committed)?;
    let is_leased = shared::is_leased(connection, line).await.map_err(not_committed)?;
    let left = fence::rollback(connection).await.map_err(not_committed)?;
    Ok(RolledBack { changes, is_leased, left })
}

async fn changes(connection: &mut Connection) -> QueryResult<Vec<TableChange>> {
    let rows: Vec<ChangeCounts> = diesel::sql_query(CHANGED).load(connection).await?;
    Ok(rows.into_iter().map(TableChange::from).collect())
}
