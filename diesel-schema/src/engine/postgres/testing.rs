use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncConnection, RunQueryDsl};

use super::transaction::TransactionSettings;
use super::{Connection, MAX_TRIES, Postgres, claim, shared, transaction};
use crate::engine::db_error::is_in_the_way;
use crate::engine::testing::{AfterEachStatement, TextRow};
use crate::{Claim, ClaimRequest, State, Testing, Timestamp};

/// The moments in a row of work.
const MOMENTS: [&str; 6] = ["due_at", "lease_until", "measured_from", "hook_due_at", "started_at", "finished_at"];

/// The tables of the host, each with its name in a statement.
const TABLES: &str = "SELECT format('%I.%I', table_schema, table_name) AS value FROM information_schema.tables \
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') \
    AND table_name NOT LIKE 'mojito\\_%' AND table_name <> '__diesel_schema_migrations' ORDER BY 1";

const SKIP: &str = "SELECT count(nextval(format('%I.%I', schemaname, sequencename)::regclass))::text AS value \
    FROM pg_sequences, generate_series(1, 7) WHERE sequencename NOT LIKE 'mojito\\_%'";

impl Testing<Connection> for Postgres {
    async fn claim_one(
        connection: &mut Connection,
        work: (i64, String),
        max_attempts: i32,
        lease: Duration,
        _: Timestamp,
    ) -> QueryResult<Claim> {
        let request = ClaimRequest::new(work.1.as_str(), 1, lease);
        transaction!(connection, TransactionSettings::default(), |c, now| async {
            let row = shared::make_claimable(c, &work, max_attempts, now).await?;
            let (claimed, _) = claim::take(c, &request, vec![row], now).await?;
            claimed.into_iter().next().ok_or(diesel::NotFound)
        })
    }

    async fn state_of(connection: &mut Connection, work: (i64, String)) -> QueryResult<Option<State>> {
        transaction!(connection, TransactionSettings::default(), |c| shared::state_of(c, &work))
    }

    async fn advance_clock(connection: &mut Connection, by: Duration) -> QueryResult<()> {
        let moved = MOMENTS.map(|moment| format!("{moment} = {moment} - make_interval(secs => {})", by.as_secs()));
        let statement = format!("UPDATE mojito_work SET {}", moved.join(", "));
        transaction!(connection, TransactionSettings::default(), |c| async {
            diesel::sql_query(&statement).execute(c).await.map(drop)
        })
    }

    async fn host_tables(connection: &mut Connection) -> QueryResult<Vec<(String, Vec<String>)>> {
        connection.transaction(async |c| host_tables(c).await).await
    }

    async fn skip_ids(connection: &mut Connection) -> QueryResult<()> {
        connection.transaction(async |c| texts(c, SKIP).await.map(drop)).await
    }

    fn after_each_statement(connection: &mut Connection, told: Box<dyn FnMut() + Send>) {
        connection.set_instrumentation(AfterEachStatement(told));
    }
}

async fn host_tables(connection: &mut Connection) -> QueryResult<Vec<(String, Vec<String>)>> {
    let mut tables = Vec::new();
    for name in texts(connection, TABLES).await? {
        let rows = texts(connection, &format!("SELECT to_jsonb(host)::text AS value FROM {name} AS host")).await?;
        let name = name.strip_prefix("public.").unwrap_or(&name).to_owned();
        tables.push((name, rows));
    }
    Ok(tables)
}

async fn texts(connection: &mut Connection, query: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<TextRow> = diesel::sql_query(query).load(connection).await?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}
