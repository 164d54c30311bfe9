use mojito_schema::{Settlement, Ticket};

use crate::notices::{Notice, Notices, Scope};

/// How an attempt ended, and what is still to be settled.
#[derive(Debug)]
pub(super) struct Ending {
    pub settlement: Settlement,
    pub outcome: Outcome,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Failed,
    /// The handler gave up.
    Discarded,
    Panicked,
    TimedOut,
    /// Another transaction was in the way, which is nobody's fault.
    Conflict,
    /// No attempt was possible, or it was stopped.
    Released,
}

/// Which attempt it was of which work.
pub(super) struct Tried {
    pub ticket: Ticket,
    pub number: i32,
    pub max_attempts: i32,
}

impl Ending {
    /// Says what needs a person, once it is settled. Never with the error's text.
    pub fn say(&self, tried: Tried, notices: &Notices) {
        let Tried { ticket: Ticket { handler, delivery_id: delivery, .. }, number: attempt, max_attempts } = tried;
        let outcome = self.outcome.as_str();
        match self.settlement {
            Settlement::Complete => notices.works(|| Scope::Handler(handler)),
            Settlement::Release => {}
            Settlement::Retry { .. } if attempt < max_attempts => {
                if self.outcome != Outcome::Conflict {
                    notices.say(Notice::Failed { handler, delivery, attempt, outcome });
                }
            }
            Settlement::Retry { .. } | Settlement::Discard { .. } => {
                notices.say(Notice::Discarded { handler, delivery, attempt, outcome });
            }
        }
    }
}

impl Outcome {
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
