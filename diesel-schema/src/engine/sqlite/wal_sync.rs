use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use tokio::task::spawn_blocking;

/// Syncs the write-ahead log (WAL), after commits that did not.
///
/// SQLite would sync within the commit, with its only write lock in hand. Here the next transaction is written
/// meanwhile, and one fsync serves every commit made before it began.
#[derive(Clone)]
pub(super) struct WalSync(Arc<Shared>);

struct Shared {
    log: File,
    /// The number of callers that have asked.
    asked: AtomicU64,
    synced: Mutex<Synced>,
}

#[derive(Default)]
struct Synced {
    /// The number of callers that are served.
    served: u64,
    /// After a failed fsync the system counts the unwritten bytes as written, and the next fsync would succeed.
    has_failed: bool,
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
        Ok(Self(Arc::new(Shared { log, asked: AtomicU64::default(), synced: Mutex::default() })))
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
        let number = shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = spawn_blocking(move || shared.serve(number)).await;
        // The error in SQLite's own words.
        let failed = || Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new("disk I/O error".to_owned()));
        outcome.map_err(io::Error::other).flatten().map_err(|_| failed())
    }

    /// Forgets earlier failures: the disk has shown the whole WAL.
    pub fn settled(&self) {
        self.0.synced.lock().unwrap_or_else(PoisonError::into_inner).has_failed = false;
    }
}

impl Shared {
    fn serve(&self, number: u64) -> io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if synced.has_failed {
            return Err(io::Error::other("an earlier sync has failed"));
        }
        if synced.served >= number {
            return Ok(());
        }
        let asked = self.asked.load(Ordering::SeqCst);
        let outcome = self.log.sync_data();
        match &outcome {
            Ok(()) => synced.served = asked,
            Err(_) => synced.has_failed = true,
        }
        outcome
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A file that cannot be synced.
    fn failing() -> WalSync {
        let log = File::open("/dev/null").expect("it is there");
        WalSync(Arc::new(Shared { log, asked: AtomicU64::default(), synced: Mutex::default() }))
    }

    #[tokio::test]
    async fn a_sync_that_failed_is_remembered_until_the_log_is_settled() {
        let sync = failing();
        let has_failed = || sync.0.synced.lock().expect("nobody panics").has_failed;

        let error = sync.wait().await.expect_err("it fails");
        let remembered = has_failed();
        // A caller that a later fsync served would be told that all is well.
        sync.0.synced.lock().expect("nobody panics").served = u64::MAX;
        let again = sync.wait().await;
        sync.settled();

        assert!(error.to_string().contains("disk I/O error"), "{error}");
        assert!(remembered && again.is_err());
        assert!(!has_failed() && sync.wait().await.is_ok());
    }

    #[test]
    fn who_asked_before_a_sync_began_is_served_by_it() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let sync = WalSync::new(log.path()).expect("it can be synced");
        sync.0.asked.store(3, Ordering::SeqCst);

        sync.0.serve(1).expect("it can be synced");

        assert_eq!(sync.0.synced.lock().expect("nobody panics").served, 3);
    }
}
