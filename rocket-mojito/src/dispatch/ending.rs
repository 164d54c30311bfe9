use mojito_schema::{AttemptOutcome, Settlement, State, Ticket};

use crate::notices::{Notice, Notices, Scope};

/// The end of an attempt, with the settlement that is still to be written.
#[derive(Debug)]
pub(super) struct Ending {
    pub settlement: Settlement,
    pub outcome: Outcome,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Failed,
    /// The handler gave up.
    Discarded,
    Panicked,
    TimedOut,
    /// Another transaction conflicted, which is nobody's fault.
    Conflict,
    /// No attempt was possible, or the attempt was stopped.
    Released,
}

/// The identity of an attempt: its ticket and number.
pub(super) struct Tried {
    pub ticket: Ticket,
    pub number: i32,
}

impl Ending {
    /// The same end with another outcome, which the history is told too.
    pub fn with(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        if let Settlement::Retry { outcome: kept, .. } = &mut self.settlement {
            *kept = outcome.kept();
        }
        self
    }

    /// Logs the outcome that a person has to see, once it is settled. The error's text is never logged. `state` is the
    /// state that the work is in now.
    pub fn say(&self, tried: Tried, state: State, notices: &Notices) {
        let Tried { ticket: Ticket { handler, delivery_id: delivery, .. }, number: attempt } = tried;
        let outcome = self.outcome.as_str();
        match state {
            State::Completed => notices.works(|| Scope::Handler(handler)),
            State::Discarded => notices.say(Notice::Discarded { handler, delivery, attempt, outcome }),
            State::Retryable | State::Skipped | State::Pending | State::Running => match self.outcome {
                Outcome::Conflict | Outcome::Released => {}
                _ if state == State::Skipped => notices.say(Notice::Skipped { handler, delivery, attempt, outcome }),
                _ => notices.say(Notice::Failed { handler, delivery, attempt, outcome }),
            },
        }
    }
}

impl Outcome {
    /// The word of the history for an attempt that is made again. A conflict is nobody's fault, but it uses the attempt
    /// up: without a row an operator would miss a number.
    pub fn kept(self) -> AttemptOutcome {
        match self {
            Self::Panicked => AttemptOutcome::Panicked,
            Self::TimedOut => AttemptOutcome::TimedOut,
            Self::Completed | Self::Failed | Self::Discarded | Self::Conflict | Self::Released => {
                AttemptOutcome::Failed
            }
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed_out",
            Self::Conflict => "conflict",
            Self::Released => "released",
        }
    }
}
