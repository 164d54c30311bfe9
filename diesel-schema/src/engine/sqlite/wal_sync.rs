use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use tokio::task::spawn_blocking;

use super::sync_turns::SyncTurns;

/// Syncs the write-ahead log (WAL), after commits that did not.
///
/// SQLite would sync within the commit, with its only write lock in hand. Here the next transaction is written
/// meanwhile, and one fsync serves every commit made before it began.
#[derive(Clone)]
pub(super) struct WalSync(Arc<Shared>);

struct Shared {
    log: File,
    turns: SyncTurns,
}

impl WalSync {
    /// # Errors
    ///
    /// When the WAL cannot be opened, or its name in the folder cannot be synced.
    pub fn new(log: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(folder) = log.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        // SQLite holds no locks on the WAL itself, which closing this file could lose.
        let log = File::open(log)?;
        Ok(Self(Arc::new(Shared { log, turns: SyncTurns::default() })))
    }

    /// Waits until all earlier commits are on the disk.
    ///
    /// # Errors
    ///
    /// When the disk fails, or has failed since the WAL was last [settled](Self::settled).
    ///
    /// # Cancellation
    ///
    /// The fsync goes on, and its failure is remembered.
    pub async fn wait(&self) -> QueryResult<()> {
        let shared = Arc::clone(&self.0);
        let turn = shared.turns.ask();
        let outcome = spawn_blocking(move || shared.turns.serve(turn, || shared.log.sync_data())).await;
        // The error in SQLite's own words.
        let failed = || Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new("disk I/O error".to_owned()));
        outcome.map_err(io::Error::other).flatten().map_err(|_| failed())
    }

    /// Forgets earlier failures: the disk has shown the whole WAL.
    pub fn settled(&self) {
        self.0.turns.settled();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sync_that_failed_is_remembered_until_the_log_is_settled() {
        // A file that cannot be synced.
        let log = File::open("/dev/null").expect("it is there");
        let sync = WalSync(Arc::new(Shared { log, turns: SyncTurns::default() }));

        let error = sync.wait().await.expect_err("it fails");
        // A caller that a later fsync served would be told that all is well.
        let again = sync.wait().await;

        assert!(error.to_string().contains("disk I/O error"), "{error}");
        assert!(again.is_err());
    }

    #[tokio::test]
    async fn a_log_on_a_disk_is_synced() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let sync = WalSync::new(log.path()).expect("it can be synced");

        sync.wait().await.expect("it can be synced");
    }
}
