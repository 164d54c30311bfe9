use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::prelude::*;
use futures_util::lock::Mutex;

use super::connection::{beside, file_of, journal_of};
use super::file::{SECOND_NAME, has_second_name, path_of};
use super::mounts::Mount;
use super::wal_sync::WalSync;
use super::{Wrapper, checkpoint};
use crate::FilesChanged;
use crate::engine::files::OpenFiles;
use crate::engine::open_error::OpenError;

/// The number of bytes that the WAL may keep. SQLite restarts the WAL, but gives no byte back.
const MAX_WAL_BYTES: u64 = 16 << 20;

/// The number of frames from which on the WAL is checkpointed beside writers. In a longer WAL more frames are of the same
/// page, which is copied once.
const MIN_FRAMES: u64 = 2000;

/// The number of frames that make it worth another checkpoint, if the WAL did not begin anew after the last one.
const MIN_NEW_FRAMES: u64 = 1000;

/// The files of a database: itself, its WAL, and the index of the WAL.
///
/// Unix lets anybody delete or replace them while they are open, and says nothing to a process that goes on writing.
/// SQLite's commits succeed, and are gone with the process. While a connection of this process is open, as this one is,
/// nobody may do so, SQLite itself included.
pub struct DatabaseFiles {
    connection: Mutex<Wrapper>,
    /// The path that the next connection would open: a link may come to lead elsewhere.
    named: Option<PathBuf>,
    /// Empty for an in-memory database, which is allowed to forget.
    files: Vec<(PathBuf, Identity)>,
    log: Option<WalSync>,
    /// The number of frames in the WAL at its last checkpoint beside writers.
    frames_copied: AtomicU64,
}

/// The identity that tells a file from another under the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl DatabaseFiles {
    pub(super) async fn open(url: &str, mut connection: Wrapper) -> Result<Self, OpenError> {
        let files = connection.spawn_blocking(|c| Ok(files(c))).await;
        let files = files.map_err(|error| OpenError::because("the SQLite file cannot be read", error))??;
        let log =
            files.get(1).map(|(path, _)| WalSync::new(path).map_err(|error| unsynced(path, error))).transpose()?;
        Ok(Self {
            connection: Mutex::new(connection),
            named: path_of(url),
            files,
            log,
            frames_copied: AtomicU64::new(0),
        })
    }
}

impl OpenFiles for DatabaseFiles {
    async fn sync_wal(&self) -> QueryResult<()> {
        match &self.log {
            Some(log) => log.wait().await,
            None => Ok(()),
        }
    }

    async fn persist_wal(&self) -> QueryResult<()> {
        if let Some((path, _)) = self.files.get(1) {
            let path = path.clone();
            self.connection.lock().await.spawn_blocking(move |c| checkpoint::settle(c, &path)).await?;
        }
        self.log.iter().for_each(WalSync::settled);
        Ok(())
    }

    async fn checkpoint(&self) -> QueryResult<bool> {
        self.connection.lock().await.spawn_blocking(|c| checkpoint::shorten(c)).await
    }

    async fn checkpoint_beside_writers(&self) -> QueryResult<()> {
        let mut connection = self.connection.lock().await;
        let frames = connection.spawn_blocking(|c| checkpoint::frames_of(c)).await?;
        if is_due(frames, self.frames_copied.load(Ordering::Relaxed)) {
            self.frames_copied.store(frames, Ordering::Relaxed);
            connection.spawn_blocking(|c| checkpoint::copy(c)).await?;
        }
        Ok(())
    }

    async fn checkpoint_if_long(&self) -> QueryResult<bool> {
        let is_long =
            |(path, _): &(PathBuf, Identity)| std::fs::metadata(path).is_ok_and(|file| file.len() > MAX_WAL_BYTES);
        if self.files.get(1).is_some_and(is_long) { self.checkpoint().await } else { Ok(true) }
    }

    fn changed(&self) -> Option<FilesChanged> {
        let ((path, database), beside) = self.files.split_first()?;
        for path in self.named.iter().chain([path]) {
            match Identity::read(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Some(FilesChanged::Deleted),
                Ok(identity) if identity != *database => return Some(FilesChanged::Replaced),
                _ => {}
            }
        }
        let is_gone = |(path, identity): &(PathBuf, Identity)| match Identity::read(path) {
            Err(error) => error.kind() == ErrorKind::NotFound,
            Ok(found) => found != *identity,
        };
        beside.iter().any(is_gone).then_some(FilesChanged::WalDeleted)
    }

    fn warning(&self) -> Option<&'static str> {
        let (database, _) = self.files.first()?;
        has_second_name(database).then_some(SECOND_NAME)
    }
}

/// Whether a WAL of so many frames is due for a checkpoint beside writers, after one at `copied` frames. Fewer than
/// these mean that the WAL has begun anew.
fn is_due(frames: u64, copied: u64) -> bool {
    frames >= MIN_FRAMES && frames.checked_sub(copied).is_none_or(|new| new >= MIN_NEW_FRAMES)
}

/// Why the WAL, or its name in the folder, cannot be synced.
fn unsynced(log: &Path, error: io::Error) -> OpenError {
    // A file system that cannot sync folders answers with one of these kinds.
    if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) {
        return OpenError::because("the SQLite log cannot be brought to the disk", error);
    }
    let kind = Mount::containing(log).map_or_else(|| "unknown".to_owned(), |mount| mount.kind);
    let message = format!(
        "a SQLite file in a folder on the file system `{kind}`, which cannot sync folders, so that a power cut may take \
         the log with its name: put the file on a local disk, ext4 or xfs for example, or use Postgres"
    );
    OpenError::because(message, error)
}

fn files(connection: &mut SqliteConnection) -> Result<Vec<(PathBuf, Identity)>, OpenError> {
    let unreadable = |error| OpenError::because("the SQLite settings cannot be read", error);
    let Some(file) = file_of(connection).map_err(unreadable)? else { return Ok(Vec::new()) };
    let suffixes: &[&str] = match journal_of(connection).map_err(unreadable)?.as_str() {
        "memory" => &[],
        "wal" => &["", "-wal", "-shm"],
        _ => &[""],
    };
    let look = |suffix: &&str| {
        let path = beside(&file, suffix);
        let identity = Identity::read(&path)?;
        Ok((path, identity))
    };
    let files = suffixes.iter().map(look).collect::<io::Result<_>>();
    files.map_err(|error| OpenError::because("the SQLite file vanished while it was opened", error))
}

impl Identity {
    fn read(path: &Path) -> io::Result<Self> {
        // The file is not opened: closing it would drop the locks that SQLite holds for this process.
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

/// Where an open file cannot be deleted, its existence is enough.
#[cfg(not(unix))]
impl From<&Metadata> for Identity {
    fn from(_: &Metadata) -> Self {
        Self { device: 0, inode: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_checkpointed_when_it_is_long_and_again_when_it_has_grown_or_begun_anew() {
        let due = [(1999, 0), (2000, 0), (2999, 2000), (3000, 2000), (40, 3000), (2000, 3000)];

        assert_eq!(due.map(|(frames, copied)| is_due(frames, copied)), [false, true, false, true, false, true]);
    }
}
