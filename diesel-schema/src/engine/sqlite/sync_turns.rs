use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::engine::sync::{AtomicU64, Mutex};

/// The callers that wait for a sync, and the syncs that served them: one sync serves every caller that asked before it
/// began.
///
/// `tests/models` runs it under each order of its steps: no caller is served by a sync that began before its commit.
#[derive(Default)]
pub(super) struct SyncTurns {
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

impl SyncTurns {
    /// The turn of a caller whose commit is done.
    pub fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Syncs, unless a sync that began after this turn was given has served it. Blocks while another sync runs.
    ///
    /// # Errors
    ///
    /// Those of `sync`, and that of a sync that has failed since the last [settlement](Self::settled).
    pub fn serve(&self, turn: u64, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if synced.has_failed {
            return Err(io::Error::other("an earlier sync has failed"));
        }
        if synced.served >= turn {
            return Ok(());
        }
        let asked = self.asked.load(Ordering::SeqCst);
        let outcome = sync();
        match &outcome {
            Ok(()) => synced.served = asked,
            Err(_) => synced.has_failed = true,
        }
        outcome
    }

    /// Forgets earlier failures.
    pub fn settled(&self) {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner).has_failed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_before_a_sync_began_is_served_by_it() {
        let turns = SyncTurns::default();
        let (first, second) = (turns.ask(), turns.ask());

        turns.serve(first, || Ok(())).expect("it can be synced");
        let served = turns.serve(second, || panic!("the sync has served it"));

        assert!(served.is_ok());
    }

    #[test]
    fn a_failure_is_remembered_until_it_is_settled() {
        let turns = SyncTurns::default();
        let (first, second) = (turns.ask(), turns.ask());

        let failed = turns.serve(first, || Err(io::Error::other("a disk")));
        let again = turns.serve(second, || Ok(()));
        turns.settled();

        assert!(failed.is_err() && again.is_err());
        assert!(turns.serve(second, || Ok(())).is_ok());
    }
}
