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
    let checkpoint: Checkpoint = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(connection)?;
    match checkpoint.busy {
        0 => Ok(()),
        _ => Err(Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new("database is locked".to_owned()))),
    }
}
