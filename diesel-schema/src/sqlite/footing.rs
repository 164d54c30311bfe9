use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use diesel::prelude::*;
use futures_util::lock::Mutex;

use super::connection::text;
use super::sync::LogSync;
use super::{Wrapper, log};
use crate::backend::Adrift;
use crate::error::OpenError;

/// How many bytes the write-ahead log may keep. SQLite begins anew in it, but gives nothing back.
const LONG_LOG: u64 = 16 << 20;

/// The files of a database: itself, its write-ahead log, and the index of the log.
///
/// Unix lets anybody delete or replace them while they are open, and says nothing to whoever goes on writing: SQLite's
/// commits succeed, and are gone with the process. While a connection of this process is open, which is this one,
/// nobody may do so, SQLite itself included.
pub struct Footing {
    connection: Mutex<Wrapper>,
    /// None of an in-memory database, which is allowed to forget.
    files: Vec<(PathBuf, Identity)>,
    log: Option<LogSync>,
}

/// What tells a file from another under the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Footing {
    pub(super) async fn under(mut connection: Wrapper) -> Result<Self, OpenError> {
        let files = connection.spawn_blocking(|c| Ok(files(c))).await;
        let files = files.map_err(|error| OpenError::because("the SQLite file cannot be read", error))??;
        let log = files.get(1).map(|(path, _)| LogSync::of(path)).transpose();
        let log = log.map_err(|error| OpenError::because("the SQLite log cannot be brought to the disk", error))?;
        Ok(Self { connection: Mutex::new(connection), files, log })
    }

    /// Waits until everything that was committed before is on the disk.
    pub(super) async fn sync_log(&self) -> QueryResult<()> {
        match &self.log {
            Some(log) => log.wait().await,
            None => Ok(()),
        }
    }

    pub(super) async fn settle_log(&self) -> QueryResult<()> {
        self.connection.lock().await.spawn_blocking(|c| log::empty(c)).await?;
        self.log.iter().for_each(LogSync::settled);
        Ok(())
    }

    pub(super) async fn shorten_log(&self) -> QueryResult<bool> {
        let is_long = |(path, _): &(PathBuf, Identity)| std::fs::metadata(path).is_ok_and(|file| file.len() > LONG_LOG);
        match self.files.get(1).is_some_and(is_long) {
            true => self.connection.lock().await.spawn_blocking(|c| log::shorten(c)).await,
            false => Ok(true),
        }
    }

    /// What has become of the files, if they are not what and where they were.
    pub(super) fn adrift(&self) -> Option<Adrift> {
        let (database, beside) = self.files.split_first()?;
        match Identity::of(&database.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(Adrift::Deleted),
            Ok(identity) if identity != database.1 => return Some(Adrift::Replaced),
            _ => {}
        }
        let is_gone = |(path, identity): &(PathBuf, Identity)| match Identity::of(path) {
            Err(error) => error.kind() == ErrorKind::NotFound,
            Ok(found) => found != *identity,
        };
        beside.iter().any(is_gone).then_some(Adrift::LogDeleted)
    }
}

fn files(connection: &mut SqliteConnection) -> Result<Vec<(PathBuf, Identity)>, OpenError> {
    let unreadable = |error| OpenError::because("the SQLite settings cannot be read", error);
    let file = "SELECT file AS value FROM pragma_database_list WHERE name = 'main'";
    let file = text(connection, file).map_err(unreadable)?;
    let journal = text(connection, "SELECT journal_mode AS value FROM pragma_journal_mode").map_err(unreadable)?;
    let suffixes: &[&str] = match journal.as_str() {
        _ if file.is_empty() => &[],
        "memory" => &[],
        "wal" => &["", "-wal", "-shm"],
        _ => &[""],
    };
    let look = |suffix: &&str| {
        let path = PathBuf::from(format!("{file}{suffix}"));
        let identity = Identity::of(&path)?;
        Ok((path, identity))
    };
    let files = suffixes.iter().map(look).collect::<io::Result<_>>();
    files.map_err(|error| OpenError::because("the SQLite file vanished while it was opened", error))
}

impl Identity {
    fn of(path: &PathBuf) -> io::Result<Self> {
        // Not opened: closing it would drop the locks that SQLite holds for this process.
        std::fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

#[cfg(unix)]
impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Where an open file cannot be deleted, being there is enough.
#[cfg(not(unix))]
impl From<&Metadata> for Identity {
    fn from(_: &Metadata) -> Self {
        Self { device: 0, inode: 0 }
    }
}
