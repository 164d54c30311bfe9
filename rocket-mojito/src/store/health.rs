use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mojito_schema::{Fingerprint, NewDelivery, Recorded, Trouble};

use super::Unavailable;
use crate::notices::{Notice, Notices, Scope};

/// How long refusals count against the database.
const REFUSAL_WINDOW: Duration = Duration::from_secs(60);

/// The number of different deliveries refused in a row that puts the blame on the database, not on their content.
const MIN_REFUSALS: usize = 3;

/// The health of the database as this process knows it: the trouble that an error showed, until a commit has shown its
/// end.
pub(crate) struct Health {
    trouble: Mutex<Option<Trouble>>,
    refused: Mutex<Option<Refused>>,
    notices: Notices,
}

/// The deliveries that were refused since the last one was recorded.
struct Refused {
    /// The endpoint of the last refused delivery.
    endpoint: String,
    /// The fingerprints of refused deliveries, each once, up to `MIN_REFUSALS`.
    fingerprints: HashSet<Fingerprint>,
    at: Instant,
}

impl Health {
    pub fn new(notices: Notices) -> Self {
        Self { trouble: Mutex::default(), refused: Mutex::default(), notices }
    }

    /// The trouble of the database, if it is known to have any.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the trouble: a commit has shown that it is over.
    pub fn recover(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Notes the trouble that an error shows, if it shows any.
    pub fn note_trouble(&self, found: Option<Trouble>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk is no reason to forget a failed fsync.
        if *trouble != Some(Trouble::Disk) {
            *trouble = found.or(*trouble);
        }
    }

    /// Notes the outcomes of a batch, one for each delivery.
    pub fn note(&self, batch: &[NewDelivery], outcomes: &[Result<Option<Recorded>, Unavailable>]) {
        if outcomes.iter().any(|outcome| matches!(outcome, Ok(Some(_)))) {
            return self.take();
        }
        for (delivery, _) in batch.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_err()) {
            self.refuse(delivery);
        }
    }

    /// Notes that a delivery was recorded, or could be.
    pub fn take(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.notices.works(|| Scope::Recording);
    }

    /// Notes that a delivery was refused, or not recorded in time.
    pub fn refuse(&self, delivery: &NewDelivery) {
        self.notices.fails(Scope::Recording);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fingerprints = refused.take().map(|refused| refused.fingerprints).unwrap_or_default();
        if fingerprints.len() < MIN_REFUSALS {
            fingerprints.insert(*delivery.fingerprint());
        }
        *refused = Some(Refused { endpoint: delivery.endpoint().to_owned(), fingerprints, at: Instant::now() });
    }

    /// The endpoint of the last refused delivery, if no delivery has been recorded since.
    pub fn refused(&self) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().map(|refused| refused.endpoint.clone())
    }

    /// Whether several deliveries were refused lately, and none recorded since: then their content is not the cause.
    pub fn has_refused_several(&self) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused
            .as_ref()
            .is_some_and(|refused| refused.fingerprints.len() == MIN_REFUSALS && refused.at.elapsed() < REFUSAL_WINDOW)
    }

    /// Writes a fault to the log.
    pub fn report(&self, text: &'static str, fault: impl Display) {
        self.notices.say(Notice::Fault { text, fault: fault.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use mojito_schema::{Content, EventKind, Timestamp};

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

    fn delivery(endpoint: &str, body: &str) -> NewDelivery {
        let (endpoint, secret) = (endpoint.to_owned(), "only".to_owned());
        let (content, body) = (Content::Unusable { result_id: None }, body.as_bytes().to_vec());
        NewDelivery::new(endpoint, secret, EventKind::Unknown, Timestamp::now(), body, content)
    }

    #[test]
    fn several_deliveries_are_three_different_ones_with_none_recorded_between() {
        let health = Health::new(Notices::start().unwrap());
        let refuse = |body: &str| {
            health.refuse(&delivery("default", body));
            health.has_refused_several()
        };

        assert_eq!(["a", "b", "b", "a"].map(refuse), [false; 4]);
        assert!(refuse("c") && refuse("d"));
        health.take();
        assert!(!health.has_refused_several());
        assert_eq!(["e", "f"].map(refuse), [false; 2]);
    }

    #[test]
    fn who_is_set_aside_is_refused_by_nobody() {
        let health = Health::new(Notices::start().unwrap());
        let batch = [delivery("one", "a"), delivery("two", "b"), delivery("three", "c")];
        let failed = Err(Unavailable::Database);

        health.note(&batch, &[failed, Ok(None), failed]);
        assert_eq!(health.refused().as_deref(), Some("three"));
        assert!(!health.has_refused_several(), "one of them was set aside, and nobody has refused it");
        health.note(&batch, &[Ok(None), failed, Ok(None)]);
        assert_eq!((health.refused().as_deref(), health.has_refused_several()), (Some("two"), true));
    }
}
