use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Integer;

use super::wal::{Wal, Way};
use crate::engine::db_error::LOST_FRAMES;

/// How long the WAL is tried to be emptied while somebody is in the way, and the pause between two tries.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(1);
const EMPTY_INTERVAL: Duration = Duration::from_millis(5);

/// SQLite's report of a checkpoint.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
    /// The number of frames in the WAL, -1 where there is no WAL.
    #[diesel(sql_type = Integer)]
    log: i32,
}

/// SQLite's report of the commits of other connections.
#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Integer)]
    data_version: i32,
}

/// Makes sure that every frame of the WAL is on the disk, whether or not earlier fsyncs failed.
///
/// A failed fsync is reported once. Its unwritten frames count as written from then on: the next fsync succeeds and
/// brings nothing to the disk. Frames added to the WAL then stand behind a gap, and a recovery reads up to the gap. A
/// checkpoint proves nothing either. It ends at the frame that the oldest reader sees. After a power cut the older
/// frames before the gap would cover the pages that the checkpoint had written to the file.
///
/// So the disk itself is read, past the cache. Frames that it does not hold are written again out of the cache, byte
/// for byte, while nobody else can write. Then the disk is read once more. No reader is in the way of that, and none is
/// disturbed. Where the disk still does not hold the frames, the WAL is emptied and begins in other blocks. Where there
/// is no way past the cache, the whole WAL is written again, and the fsync is believed.
///
/// # Errors
///
/// The disk's and the database's errors. `database is locked` where somebody writes for longer than the busy timeout,
/// or somebody reads and only an empty WAL would do.
pub(super) fn settle(connection: &mut SqliteConnection, path: &Path) -> QueryResult<()> {
    let mut wal = match Wal::open(path) {
        Err(_) if frames_of(connection)? == 0 => return Ok(()),
        opened => opened.map_err(failure)?,
    };
    let frames = cut(connection, &mut wal)?;
    if frames == 0 {
        return Ok(());
    }
    let mut held = wal.on_disk(frames).map_err(failure)?;
    // First by the cache: it keeps the frames that the disk will not take even now.
    for way in [Way::Cache, Way::Disk] {
        if held.is_some_and(|held| held.frames == frames) {
            return Ok(());
        }
        connection.immediate_transaction(|_| wal.write_again(way, held, frames).map_err(failure))?;
        held = wal.on_disk(frames).map_err(failure)?;
        if held.is_none() {
            return Ok(());
        }
    }
    if held.is_some_and(|held| held.frames == frames) { Ok(()) } else { empty(connection) }
}

/// Cuts off the frames behind the last commit: they belong to a commit that failed. Gives back the number of frames
/// left.
///
/// The next commit would be written over them, into blocks that the file system counts as written and has lost. Its
/// fsync would succeed, and the disk need not hold it.
fn cut(connection: &mut SqliteConnection, wal: &mut Wal) -> QueryResult<u64> {
    loop {
        let version = version(connection)?;
        let frames = frames_of(connection)?;
        if !wal.is_longer(frames).map_err(failure)? {
            return Ok(frames);
        }
        // A checkpoint cannot run within a transaction, and only within a transaction nobody else commits.
        let is_cut = connection.immediate_transaction(|c| {
            let is_last = version == self::version(c)?;
            if is_last {
                wal.cut(frames).map_err(failure)?;
            }
            QueryResult::Ok(is_last)
        })?;
        if is_cut {
            return Ok(frames);
        }
    }
}

/// SQLite's data version: each commit of another connection changes it.
fn version(connection: &mut SqliteConnection) -> QueryResult<i32> {
    diesel::sql_query("PRAGMA data_version").get_result::<Version>(connection).map(|version| version.data_version)
}

/// At launch nobody knows whether a former process saw an fsync fail. The WAL is checkpointed too, as far as it can be.
pub(super) fn take_over(connection: &mut SqliteConnection, path: &Path) -> QueryResult<()> {
    settle(connection, path)?;
    shorten(connection).map(drop)
}

/// Checkpoints the WAL into the database file and syncs both, as far as nobody is in the way. It is in nobody's way
/// either: writers wait for the last bit alone. Gives back whether the WAL is empty.
pub(super) fn shorten(connection: &mut SqliteConnection) -> QueryResult<bool> {
    copy(connection)?;
    truncate_within(connection, Duration::ZERO)
}

/// Copies the WAL into the database file and syncs both, as far as nobody is in the way, while others read and write.
/// The WAL begins anew once a writer finds that all of it was copied.
pub(super) fn copy(connection: &mut SqliteConnection) -> QueryResult<()> {
    checkpoint(connection, "PASSIVE").map(drop)
}

/// Leaves no byte in the WAL, unless somebody reads it. While it waits for a reader nobody can write, so the wait is
/// short. Gives back whether the WAL is empty.
pub(super) fn truncate(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let began = Instant::now();
    // SQLite waits for readers and writers, and not for another checkpoint.
    while !truncate_within(connection, EMPTY_TIMEOUT)? {
        if began.elapsed() >= EMPTY_TIMEOUT {
            return Ok(false);
        }
        thread::sleep(EMPTY_INTERVAL);
    }
    Ok(true)
}

/// The number of frames that SQLite has in the WAL.
pub(super) fn frames_of(connection: &mut SqliteConnection) -> QueryResult<u64> {
    Ok(u64::try_from(checkpoint(connection, "NOOP")?.log).unwrap_or(0))
}

fn empty(connection: &mut SqliteConnection) -> QueryResult<()> {
    if truncate(connection)? { Ok(()) } else { Err(database_error("database is locked")) }
}

fn truncate_within(connection: &mut SqliteConnection, timeout: Duration) -> QueryResult<bool> {
    connection.batch_execute(&format!("PRAGMA busy_timeout = {}", timeout.as_millis()))?;
    let checkpoint = checkpoint(connection, "TRUNCATE");
    connection.batch_execute("PRAGMA busy_timeout = 5000")?;
    Ok(checkpoint?.busy == 0)
}

fn checkpoint(connection: &mut SqliteConnection, mode: &str) -> QueryResult<Checkpoint> {
    diesel::sql_query(format!("PRAGMA wal_checkpoint({mode})")).get_result(connection)
}

/// The error in SQLite's own words.
fn failure(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull => database_error("database or disk is full"),
        ErrorKind::Other if error.to_string() == LOST_FRAMES => database_error(LOST_FRAMES),
        _ => database_error("disk I/O error"),
    }
}

fn database_error(message: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    fn connect(folder: &Path) -> SqliteConnection {
        SqliteConnection::establish(folder.join("test.db").to_str().unwrap()).unwrap()
    }

    fn database(folder: &Path) -> SqliteConnection {
        let mut connection = connect(folder);
        connection.batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        connection
    }

    #[test]
    fn what_a_failed_commit_has_left_behind_the_last_frame_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (mut connection, path) = (database(folder.path()), folder.path().join("test.db-wal"));
        let mut reader = connect(folder.path());
        reader.batch_execute("BEGIN; SELECT * FROM t").unwrap();
        let whole = std::fs::read(&path).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(&[7; 9000]).unwrap();

        settle(&mut connection, &path).unwrap();
        let settled = std::fs::read(&path).unwrap();
        connection.batch_execute("INSERT INTO t VALUES (2)").unwrap();

        assert!(!whole.is_empty() && settled == whole, "{} bytes and {}", settled.len(), whole.len());
        assert_eq!(frames_of(&mut connect(folder.path())).unwrap(), frames_of(&mut connection).unwrap());
    }

    #[test]
    fn a_log_is_settled_beside_a_reader_and_is_scrubbed_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let (mut connection, path) = (database(folder.path()), folder.path().join("test.db-wal"));
        let mut reader = connect(folder.path());
        reader.batch_execute("BEGIN; SELECT * FROM t").unwrap();
        connection.batch_execute("INSERT INTO t VALUES (2)").unwrap();

        settle(&mut connection, &path).unwrap();
        let beside = truncate(&mut connection).unwrap();
        reader.batch_execute("COMMIT").unwrap();
        let without = truncate(&mut connection).unwrap();

        assert_eq!((beside, without), (false, true));
        assert_eq!(path.metadata().unwrap().len(), 0);
        settle(&mut connection, &path).unwrap();
    }

    #[test]
    fn a_log_is_emptied_once_another_checkpoint_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = database(folder.path());
        let mut reader = connect(folder.path());
        reader.batch_execute("BEGIN; SELECT * FROM t").unwrap();
        connection.batch_execute("INSERT INTO t VALUES (2)").unwrap();
        let mut other = connect(folder.path());
        let waits = thread::spawn(move || {
            other.batch_execute("PRAGMA busy_timeout = 60000").unwrap();
            // It may come across one of those below, and does not wait for that.
            while checkpoint(&mut other, "RESTART").unwrap().busy != 0 {}
        });
        while checkpoint(&mut connection, "PASSIVE").unwrap().busy == 0 {}

        let beside = truncate_within(&mut connection, EMPTY_TIMEOUT).unwrap();
        let ends = thread::spawn(move || {
            thread::sleep(10 * EMPTY_INTERVAL);
            reader.batch_execute("COMMIT").unwrap();
        });
        let after = truncate(&mut connection).unwrap();

        assert_eq!((beside, after), (false, true));
        ends.join().unwrap();
        waits.join().unwrap();
    }

    /// Some file systems give up unwritten frames in memory too.
    #[test]
    fn frames_that_are_nowhere_any_more_are_told_of_and_not_copied_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut connection, path) = (database(folder.path()), folder.path().join("test.db-wal"));
        let file = std::fs::read(folder.path().join("test.db")).unwrap();
        let mut wal = File::options().write(true).open(&path).unwrap();
        wal.seek(SeekFrom::Start(100)).unwrap();
        wal.write_all(&[0xFF; 100]).unwrap();

        let settled = settle(&mut connection, &path).unwrap_err();

        assert_eq!(settled.to_string(), LOST_FRAMES);
        assert!(std::fs::read(folder.path().join("test.db")).unwrap() == file);
        // The connection is not closed either: its end would copy the frames.
        std::mem::forget(connection);
    }
}
