use std::time::Duration;

use diesel::prelude::*;
use diesel_async::AsyncConnection as _;

use super::{Sqlite, Wrapper, at_once, claim, shared, write};
use crate::engine::testing::{AfterEachStatement, TextRow};
use crate::{Claim, State, Testing, Ticket, Timestamp};

/// The moments in a row of work.
const MOMENTS: [&str; 6] = ["due_at", "lease_until", "measured_from", "hook_due_at", "started_at", "finished_at"];

/// The tables of the host.
const TABLES: &str = "SELECT name AS value FROM sqlite_schema WHERE type = 'table' \
    AND name NOT LIKE 'mojito\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    AND name <> '__diesel_schema_migrations' ORDER BY name";

impl Testing<Wrapper> for Sqlite {
    async fn claim_one(
        connection: &mut Wrapper,
        work: (i64, String),
        max_attempts: i32,
        lease: Duration,
        now: Timestamp,
    ) -> QueryResult<Claim> {
        write(connection, move |c| {
            let row = at_once(shared::make_claimable(c, &work, max_attempts, now))?;
            claim::take(c, row, Ticket::new_epoch(), (now, now.after(lease)))
        })
        .await
    }

    async fn state_of(connection: &mut Wrapper, work: (i64, String)) -> QueryResult<Option<State>> {
        connection.spawn_blocking(move |c| at_once(shared::state_of(c, &work))).await
    }

    async fn advance_clock(connection: &mut Wrapper, by: Duration) -> QueryResult<()> {
        // The fraction of a second stays as it is: all moments keep their width, in which they are compared.
        let moved = MOMENTS.map(|moment| {
            let seconds = by.as_secs();
            format!("{moment} = strftime('%Y-%m-%d %H:%M:%S', substr({moment}, 1, 19), '-{seconds} seconds') || substr({moment}, 20)")
        });
        let statement = format!("UPDATE mojito_work SET {}", moved.join(", "));
        write(connection, move |c| diesel::sql_query(statement).execute(c).map(drop)).await
    }

    async fn host_tables(connection: &mut Wrapper) -> QueryResult<Vec<(String, Vec<String>)>> {
        connection.spawn_blocking(|c| c.transaction(|c| host_tables(c))).await
    }

    async fn skip_ids(_: &mut Wrapper) -> QueryResult<()> {
        Ok(())
    }

    fn after_each_statement(connection: &mut Wrapper, told: Box<dyn FnMut() + Send>) {
        connection.set_instrumentation(AfterEachStatement(told));
    }
}

fn host_tables(connection: &mut SqliteConnection) -> QueryResult<Vec<(String, Vec<String>)>> {
    let mut tables = Vec::new();
    for name in texts(connection, TABLES)? {
        let columns = format!("SELECT name AS value FROM pragma_table_info({})", quoted(&name, '\''));
        let columns = texts(connection, &columns)?;
        let members = columns.iter().map(|column| format!("{}, quote({})", quoted(column, '\''), quoted(column, '"')));
        let members = members.collect::<Vec<_>>().join(", ");
        let rows = format!("SELECT json_object({members}) AS value FROM {}", quoted(&name, '"'));
        let rows = texts(connection, &rows)?;
        tables.push((name, rows));
    }
    Ok(tables)
}

/// A name within quotation marks.
fn quoted(name: &str, mark: char) -> String {
    format!("{mark}{}{mark}", name.replace(mark, &format!("{mark}{mark}")))
}

fn texts(connection: &mut SqliteConnection, query: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<TextRow> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}
