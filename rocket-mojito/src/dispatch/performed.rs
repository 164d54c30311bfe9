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

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket { delivery_id: 7, handler: "Desk".to_owned(), first_delivery_id: 3, epoch: 2, has_attempts: false }
    }

    /// An attempt that did not succeed and is to be made again in 5 s.
    fn ending(outcome: Outcome) -> Ending {
        let (pause, error) = (Duration::from_secs(5), "no printer".to_owned());
        Ending { settlement: Settlement::Retry { pause, error, outcome: outcome.kept() }, outcome }
    }

    fn performed(outcome: Outcome, state: State) -> Performed {
        Performed::ended(&ticket(), 4, &ending(outcome), Some(state)).expect("it was made")
    }

    #[test]
    fn an_attempt_tells_whose_it_was_and_when_the_next_one_is() {
        let failed = performed(Outcome::Failed, State::Retryable);

        assert_eq!((failed.handler(), failed.delivery_id(), failed.attempt()), ("Desk", 7, 4));
        assert_eq!((failed.outcome(), failed.error()), (AttemptOutcome::Failed, Some("no printer")));
        assert_eq!(failed.retry_in(), Some(Duration::from_secs(5)));
        assert!(!failed.is_completed() && !failed.is_discarded() && !failed.is_skipped());
        assert!(!failed.has_died() && !failed.has_panicked() && !failed.has_timed_out());
    }

    #[test]
    fn a_last_attempt_has_no_next_one() {
        let (last, skipped) =
            (performed(Outcome::Panicked, State::Discarded), performed(Outcome::TimedOut, State::Skipped));

        assert!(last.is_discarded() && !last.is_skipped() && last.has_panicked() && !last.has_timed_out());
        assert!(skipped.is_skipped() && !skipped.is_discarded() && skipped.has_timed_out() && !skipped.has_panicked());
        assert_eq!((last.retry_in(), skipped.retry_in()), (None, None));
    }

    #[test]
    fn an_attempt_whose_process_died_may_have_completed_before() {
        let deaths = [Performed::completed(&ticket(), 1, true), Performed::lapsed(&ticket(), 1)];
        let alive = Performed::completed(&ticket(), 1, false);

        assert_eq!(
            deaths.each_ref().map(|death| (death.has_died(), death.is_completed())),
            [(true, true), (true, false)]
        );
        assert!(alive.is_completed() && !alive.has_died());
        alive.assert_completed();
    }

    #[test]
    fn an_attempt_that_was_not_possible_is_none() {
        let released = Ending { settlement: Settlement::Release, outcome: Outcome::Released };

        assert!(Performed::ended(&ticket(), 1, &released, None).is_none());
    }

    #[test]
    #[should_panic(expected = "the attempt of `Desk` ended as `failed`: no printer")]
    fn an_attempt_that_did_not_complete_is_named_with_its_error() {
        performed(Outcome::Failed, State::Retryable).assert_completed();
    }
}
