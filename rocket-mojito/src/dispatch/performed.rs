use std::fmt;
use std::time::Duration;

use mojito_schema::{AttemptOutcome, Settlement, State, Ticket};

use super::ending::{Ending, Outcome};

/// One attempt of a handler in a test, and its outcome.
///
/// `Debug` shows no error, since a handler's error may quote the candidate. [`assert_completed`](Self::assert_completed)
/// does.
#[derive(Clone)]
pub struct Performed {
    handler: String,
    delivery_id: i64,
    attempt: i32,
    outcome: AttemptOutcome,
    /// The state that its settlement has put the work into.
    state: Option<State>,
    error: Option<String>,
    retry_in: Option<Duration>,
    has_died: bool,
}

impl Performed {
    /// The attempt that an effect's commit settled. The process may have died after it.
    pub(super) fn completed(ticket: &Ticket, attempt: i32, has_died: bool) -> Self {
        Self { has_died, ..Self::new(ticket, attempt, AttemptOutcome::Completed) }
    }

    /// The attempt whose process died.
    pub(super) fn lapsed(ticket: &Ticket, attempt: i32) -> Self {
        Self { has_died: true, ..Self::new(ticket, attempt, AttemptOutcome::Lapsed) }
    }

    /// The attempt with this ending, which has put the work into this state. `None` if no attempt was possible.
    pub(super) fn ended(ticket: &Ticket, attempt: i32, ending: &Ending, state: Option<State>) -> Option<Self> {
        let outcome = match ending.outcome {
            Outcome::Completed => AttemptOutcome::Completed,
            Outcome::Discarded => AttemptOutcome::Discarded,
            Outcome::Released => return None,
            Outcome::Failed | Outcome::Conflict | Outcome::Panicked | Outcome::TimedOut => ending.outcome.kept(),
        };
        let mut performed = Self { state, ..Self::new(ticket, attempt, outcome) };
        match &ending.settlement {
            Settlement::Complete | Settlement::Release => {}
            Settlement::Discard { error } => performed.error = Some(error.clone()),
            Settlement::Retry { pause, error, .. } => {
                performed.error = Some(error.clone());
                performed.retry_in = (state == Some(State::Retryable)).then_some(*pause);
            }
        }
        Some(performed)
    }

    fn new(ticket: &Ticket, attempt: i32, outcome: AttemptOutcome) -> Self {
        let (handler, delivery_id) = (ticket.handler.clone(), ticket.delivery_id);
        Self { handler, delivery_id, attempt, outcome, state: None, error: None, retry_in: None, has_died: false }
    }

    /// The handler's name.
    pub fn handler(&self) -> &str {
        &self.handler
    }

    /// The id of the row in `mojito_deliveries`.
    pub fn delivery_id(&self) -> i64 {
        self.delivery_id
    }

    /// The number of the attempt, from 1.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// The outcome, in the words of the table `mojito_attempts`. `Lapsed` means that the process died by the test's
    /// order: the work is rescued once its lease is over.
    pub fn outcome(&self) -> AttemptOutcome {
        self.outcome
    }

    /// Whether effect and "done" mark are committed.
    pub fn is_completed(&self) -> bool {
        self.outcome == AttemptOutcome::Completed
    }

    /// Whether the work is discarded: the handler gave up, or its last attempt did not succeed.
    pub fn is_discarded(&self) -> bool {
        self.state == Some(State::Discarded)
    }

    /// Whether the work is skipped: the attempt did not succeed, and the handler wants the newer version that there is.
    pub fn is_skipped(&self) -> bool {
        self.state == Some(State::Skipped)
    }

    /// Whether the process died by the test's order, before or after the commit.
    pub fn has_died(&self) -> bool {
        self.has_died
    }

    /// Whether the handler panicked.
    pub fn has_panicked(&self) -> bool {
        self.outcome == AttemptOutcome::Panicked
    }

    /// Whether the handler did not answer within its time.
    pub fn has_timed_out(&self) -> bool {
        self.outcome == AttemptOutcome::TimedOut
    }

    /// The text that is stored as `last_error`.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The pause before the next attempt. `None` if there is none.
    pub fn retry_in(&self) -> Option<Duration> {
        self.retry_in
    }

    /// Makes sure that the attempt completed.
    ///
    /// # Panics
    ///
    /// When it did not. The message holds the error's text.
    #[track_caller]
    pub fn assert_completed(&self) {
        let error = self.error.as_deref().unwrap_or("no error");
        assert!(self.is_completed(), "the attempt of `{}` ended as `{}`: {error}", self.handler, self.outcome);
    }
}

impl fmt::Debug for Performed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Performed")
            .field("handler", &self.handler)
            .field("delivery_id", &self.delivery_id)
            .field("attempt", &self.attempt)
            .field("outcome", &self.outcome)
            .field("has_error", &self.error.is_some())
            .field("retry_in", &self.retry_in)
            .finish()
    }
}
