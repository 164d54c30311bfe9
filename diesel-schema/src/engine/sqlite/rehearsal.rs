use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Text};

use super::session::Session;
use super::shared::ChangeCounts;
use super::{Transactions, at_once, is_outermost, rollback, shared};
use crate::{Line, NotCommitted, RolledBack, TableChange};

/// The counts of a rehearsal: a temporary table, which the rollback removes with the triggers that count.
const COUNTS: &str = "CREATE TEMP TABLE mojito_rehearsal (name TEXT PRIMARY KEY, inserted INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0)";

/// The host's tables. A virtual table takes no trigger.
const TABLES: &str = r"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
    AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'mojito\_%' ESCAPE '\'";

/// The counts of the tables with changed rows.
const CHANGED: &str = "SELECT name, inserted, updated, deleted FROM temp.mojito_rehearsal
    WHERE inserted + updated + deleted > 0 ORDER BY name";

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Begins a handler's transaction, unless work of the line is leased. From then on nobody else can claim.
pub(super) fn begin(session: &mut Session, line: &Line) -> QueryResult<bool> {
    Transactions::begin_transaction_sql(session, "BEGIN IMMEDIATE")?;
    let begun = at_once(shared::is_leased(session, line)).and_then(|is_leased| {
        if !is_leased {
            count_changes(session)?;
        }
        Ok(!is_leased)
    });
    match begun {
        Ok(true) => {
            session.lend();
            Ok(true)
        }
        Ok(false) => rollback(session).map(|_| false),
        Err(error) => {
            let _ = rollback(session)?;
            Err(error)
        }
    }
}

/// Counts the rows that are changed from now on, also by the host's own triggers and by foreign keys that cascade.
fn count_changes(session: &mut Session) -> QueryResult<()> {
    let tables: Vec<Table> = diesel::sql_query(TABLES).load(&mut **session)?;
    let mut statements = COUNTS.to_owned();
    for (number, Table { name }) in tables.iter().enumerate() {
        let (quoted, text) = (name.replace('"', "\"\""), name.replace('\'', "''"));
        statements += &format!(";INSERT INTO temp.mojito_rehearsal (name) VALUES ('{text}')");
        for (event, column) in [("INSERT", "inserted"), ("UPDATE", "updated"), ("DELETE", "deleted")] {
            statements += &format!(
                ";CREATE TEMP TRIGGER mojito_rehearsal_{number}_{column} AFTER {event} ON main.\"{quoted}\" BEGIN \
                 UPDATE mojito_rehearsal SET {column} = {column} + 1 WHERE name = '{text}'; END"
            );
        }
    }
    session.batch_execute(&statements)
}

/// Checks what a commit would check, counts, and rolls back.
pub(super) fn end(session: &mut Session) -> Result<RolledBack, NotCommitted> {
    if !session.take_back() {
        return Err(NotCommitted::Aborted);
    }
    if !is_outermost(session) {
        return Err(NotCommitted::Unfinished);
    }
    let seen = changes(session).and_then(|changes| Ok((changes, broken_keys(session)?)));
    let (changes, broken) = seen.map_err(NotCommitted::Refused)?;
    let left = rollback(session).map_err(NotCommitted::Refused)?;
    for (table, count) in broken {
        // Rows that were broken before do not count. The check reads whole tables, so it runs twice only in this case.
        if count_broken(session, &table).map_err(NotCommitted::Refused)? < count {
            return Err(NotCommitted::Refused(refused_key(&table)));
        }
    }
    Ok(RolledBack { changes, is_leased: false, left })
}

fn changes(session: &mut Session) -> QueryResult<Vec<TableChange>> {
    let rows: Vec<ChangeCounts> = diesel::sql_query(CHANGED).load(&mut **session)?;
    Ok(rows.into_iter().map(TableChange::from).collect())
}

/// The tables with rows that refer to no row, with the count of these rows.
///
/// SQLite has checked all but the deferred keys by now. Only a table whose text has the word can have those. A changed
/// row can break one, or a row that refers to a changed table. A handler may have deferred all keys.
fn broken_keys(session: &mut Session) -> QueryResult<Vec<(String, i64)>> {
    let is_any_deferred = session.is_altered();
    let suspects = format!(
        "WITH changed AS (SELECT name FROM temp.mojito_rehearsal WHERE inserted + updated + deleted > 0)
        SELECT child.name FROM main.sqlite_schema AS child
        WHERE child.type = 'table' AND ({is_any_deferred} OR child.sql LIKE '%deferred%')
        AND (child.name COLLATE NOCASE IN (SELECT name FROM changed)
            OR EXISTS (SELECT 1 FROM pragma_foreign_key_list(child.name) AS key
                WHERE key.\"table\" COLLATE NOCASE IN (SELECT name FROM changed)))"
    );
    let suspects: Vec<Table> = diesel::sql_query(suspects).load(&mut **session)?;
    let mut broken = Vec::new();
    for Table { name } in suspects {
        let count = count_broken(session, &name)?;
        if count > 0 {
            broken.push((name, count));
        }
    }
    Ok(broken)
}

fn count_broken(session: &mut Session, table: &str) -> QueryResult<i64> {
    let broken = diesel::sql_query("SELECT count(*) AS count FROM pragma_foreign_key_check(?)").bind::<Text, _>(table);
    broken.get_result::<Count>(&mut **session).map(|row| row.count)
}

/// The error of SQLite's commit, with the table that its own text leaves out.
fn refused_key(table: &str) -> Error {
    let text = format!("FOREIGN KEY constraint failed: a row of `{table}` would refer to none");
    Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, Box::new(text))
}
