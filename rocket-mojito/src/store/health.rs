use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mojito_schema::{Fingerprint, NewDelivery, Recorded, Trouble};

use super::Unavailable;
use crate::notices::{Notice, Notices, Scope};

/// How long refusals say something of the database.
const REFUSAL_WINDOW: Duration = Duration::from_secs(60);

/// How many different deliveries in a row are refused by the database, and not for what one of them says.
const MIN_REFUSALS: usize = 3;

/// What this process knows of its database: the trouble that somebody found, until a commit has shown that it is over.
pub(crate) struct Health {
    trouble: Mutex<Option<Trouble>>,
    refused: Mutex<Option<Refused>>,
    notices: Notices,
}

/// What was refused since a delivery was recorded last.
struct Refused {
    /// The endpoint of the last one.
    endpoint: String,
    /// As many of them as are looked at, each once.
    fingerprints: HashSet<Fingerprint>,
    at: Instant,
}

impl Health {
    pub fn new(notices: Notices) -> Self {
        Self { trouble: Mutex::default(), refused: Mutex::default(), notices }
    }

    /// What is wrong, as far as anybody knows.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit has shown that nothing is.
    pub fn recover(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes note of what an error says of the database.
    pub fn note_trouble(&self, found: Option<Trouble>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // That a disk is full is no reason to forget that a sync has failed.
        if *trouble != Some(Trouble::Disk) {
            *trouble = found.or(*trouble);
        }
    }

    /// Takes note of what became of a batch, one way for each delivery.
    pub fn note(&self, batch: &[NewDelivery], outcomes: &[Result<Option<Recorded>, Unavailable>]) {
        if outcomes.iter().any(|outcome| matches!(outcome, Ok(Some(_)))) {
            return self.take();
        }
        for (delivery, _) in batch.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_err()) {
            self.refuse(delivery);
        }
    }

    /// A delivery was recorded, or could be.
    pub fn take(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.notices.works(|| Scope::Recording);
    }

    /// A delivery was refused, or not recorded in time.
    pub fn refuse(&self, delivery: &NewDelivery) {
        self.notices.fails(Scope::Recording);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fingerprints = refused.take().map(|refused| refused.fingerprints).unwrap_or_default();
        if fingerprints.len() < MIN_REFUSALS {
            fingerprints.insert(*delivery.fingerprint());
        }
        *refused = Some(Refused { endpoint: delivery.endpoint().to_owned(), fingerprints, at: Instant::now() });
    }

    /// The endpoint of a delivery that was refused, if none has been recorded since.
    pub fn refused(&self) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().map(|refused| refused.endpoint.clone())
    }

    /// Whether several were refused lately, and none recorded since: then it is not for what they say.
    pub fn has_refused_several(&self) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused
            .as_ref()
            .is_some_and(|refused| refused.fingerprints.len() == MIN_REFUSALS && refused.at.elapsed() < REFUSAL_WINDOW)
    }

    /// Tells the log.
    pub fn report(&self, text: &'static str, fault: impl Display) {
        self.notices.say(Notice::Fault { text, fault: fault.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_is_remembered_until_a_commit_whatever_else_fails() {
        let health = Health::new(Notices::start().unwrap());

        health.note_trouble(Some(Trouble::Disk));
        health.note_trouble(Some(Trouble::Write));
        health.note_trouble(None);
        let suffering = health.trouble();
        health.recover();

        assert_eq!(suffering, Some(Trouble::Disk));
        assert_eq!(health.trouble(), None);
    }
}
