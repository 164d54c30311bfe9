use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Integer;

/// What SQLite tells of a checkpoint.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Moves all of the write-ahead log into the database file, syncs both, and leaves the log empty.
///
/// # Errors
///
/// Those of the database; `database is locked` where somebody reads or writes for longer than the busy timeout.
pub(super) fn empty(connection: &mut SqliteConnection) -> QueryResult<()> {
    match truncate(connection)? {
        true => Ok(()),
        false => Err(Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new("database is locked".to_owned()))),
    }
}

/// The same at a launch, which is not to wait for long: somebody who is in the way, another process most likely, has
/// the log in his care. Whether the log is empty.
pub(super) fn take_over(connection: &mut SqliteConnection) -> QueryResult<bool> {
    truncate_within(connection, 1000)
}

/// The same as far as nobody is in the way, and without being in anybody's: writers wait for the last bit alone.
/// Whether the log is empty.
pub(super) fn shorten(connection: &mut SqliteConnection) -> QueryResult<bool> {
    connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?;
    truncate_within(connection, 0)
}

fn truncate_within(connection: &mut SqliteConnection, milliseconds: u32) -> QueryResult<bool> {
    connection.batch_execute(&format!("PRAGMA busy_timeout = {milliseconds}"))?;
    let is_empty = truncate(connection);
    connection.batch_execute("PRAGMA busy_timeout = 5000")?;
    is_empty
}

fn truncate(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let checkpoint: Checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(connection)?;
    Ok(checkpoint.busy == 0)
}
