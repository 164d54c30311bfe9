use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mojito_schema::Trouble;

/// How often the log is told of one fault: whoever asks the database asks it again every second, or more often.
const PAUSE: Duration = Duration::from_secs(60);

/// What this process knows of its database: the trouble that somebody found, until a commit has shown that it is over.
#[derive(Default)]
pub(crate) struct Health {
    trouble: Mutex<Option<Trouble>>,
    told: Mutex<HashMap<String, Instant>>,
}

impl Health {
    /// What is wrong, as far as anybody knows.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit has shown that nothing is.
    pub fn recover(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes note of what an error says of the database.
    pub fn suffer(&self, found: Option<Trouble>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // That a disk is full is no reason to forget that a sync has failed.
        if *trouble != Some(Trouble::Disk) {
            *trouble = found.or(*trouble);
        }
    }

    /// Tells the log, unless it was told of the same fault within a minute.
    pub fn tell(&self, what: &'static str, fault: impl Display) {
        let (fault, now) = (fault.to_string(), Instant::now());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.duration_since(*at) < PAUSE);
        if told.contains_key(&fault) {
            return;
        }
        tracing::error!(fault, "{what}");
        told.insert(fault, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_is_remembered_until_a_commit_whatever_else_fails() {
        let health = Health::default();

        health.suffer(Some(Trouble::Disk));
        health.suffer(Some(Trouble::Write));
        health.suffer(None);
        let suffering = health.trouble();
        health.recover();

        assert_eq!(suffering, Some(Trouble::Disk));
        assert_eq!(health.trouble(), None);
    }
}
