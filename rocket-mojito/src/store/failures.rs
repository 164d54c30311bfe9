use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::AbortHandle;

/// The failures that a host's test has ordered, of one database in one process. Without an order nothing fails.
#[derive(Default)]
pub(crate) struct Failures(Mutex<Orders>);

#[derive(Default)]
struct Orders {
    commit: Option<CommitFailure>,
    crash: Option<Crash>,
}

/// A failure of the next commit of a handler's effect and "done" mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitFailure {
    /// The database refuses it, and rolls the transaction back.
    Refused,
    /// The process dies before it. The database rolls the transaction back.
    DiesBefore,
    /// The process dies after it.
    DiesAfter,
}

/// The death of the process after a statement of a handler's transaction.
struct Crash {
    statements_left: u32,
    abort: AbortHandle,
}

impl Failures {
    /// Orders a failure of the next commit.
    pub fn fail_commit(&self, failure: CommitFailure) {
        self.lock().commit = Some(failure);
    }

    /// The ordered failure of a commit, if it is one of `these`. It happens once.
    pub fn take_commit(&self, these: &[CommitFailure]) -> Option<CommitFailure> {
        let mut orders = self.lock();
        let ordered = orders.commit.filter(|ordered| these.contains(ordered))?;
        orders.commit = None;
        Some(ordered)
    }

    /// Orders the death of the process after so many statements of the next transaction. `abort` ends the attempt.
    pub fn crash_after(&self, statements: u32, abort: AbortHandle) {
        self.lock().crash = Some(Crash { statements_left: statements, abort });
    }

    /// Withdraws that order. Returns whether the death was still to come.
    pub fn withdraw_crash(&self) -> bool {
        self.lock().crash.take().is_some_and(|crash| crash.statements_left > 0)
    }

    /// Whether a death after a statement is ordered: then the transaction has to count its statements.
    pub fn counts_statements(&self) -> bool {
        self.lock().crash.is_some()
    }

    /// Counts a statement.
    pub fn note_statement(&self) {
        if let Some(crash) = &mut self.lock().crash {
            crash.statements_left = crash.statements_left.saturating_sub(1);
            if crash.statements_left == 0 {
                crash.abort.abort();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordered_failure_happens_once() {
        let failures = Failures::default();
        failures.fail_commit(CommitFailure::Refused);

        assert_eq!(failures.take_commit(&[CommitFailure::DiesBefore]), None);
        assert_eq!(failures.take_commit(&[CommitFailure::Refused]), Some(CommitFailure::Refused));
        assert_eq!(failures.take_commit(&[CommitFailure::Refused]), None);
    }

    #[test]
    fn a_crash_comes_after_its_statement() {
        let failures = Failures::default();
        let (abort, _registration) = AbortHandle::new_pair();
        failures.crash_after(2, abort.clone());

        failures.note_statement();
        assert!(!abort.is_aborted());
        failures.note_statement();
        assert!(abort.is_aborted());
        assert!(!failures.withdraw_crash());
    }

    #[test]
    fn statements_are_counted_while_a_crash_is_ordered() {
        let failures = Failures::default();
        let (abort, _registration) = AbortHandle::new_pair();
        assert!(!failures.counts_statements() && !failures.withdraw_crash());
        failures.crash_after(2, abort.clone());
        assert!(failures.counts_statements());
        failures.note_statement();

        assert!(failures.withdraw_crash(), "it was still to come");
        failures.note_statement();

        assert!(!failures.counts_statements() && !abort.is_aborted());
    }
}
