use std::fmt;

use crate::{Action, DeliveryRow, Utc};

/// How fast replayed work becomes due: spread, so that a large replay does not push aside what comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// When the first is due.
    pub start: Utc,
    /// How many deliveries are due in each second.
    pub per_second: u32,
    /// How many are due already.
    pub given: u64,
}

impl Pace {
    /// When the next delivery is due.
    pub fn next_due(&mut self) -> Utc {
        let pause = std::time::Duration::from_secs_f64(self.given as f64 / f64::from(self.per_second.max(1)));
        self.given += 1;
        self.start.after(pause)
    }
}

/// What one step of a replay came to.
#[derive(Debug, Clone)]
pub struct Requeued {
    /// Work that waits again.
    pub work: u64,
    /// Where the pace has come to.
    pub pace: Pace,
    /// Deliveries of the step that were never understood: they are to be read again, then admitted.
    pub quarantined: Vec<DeliveryRow>,
    /// The last delivery that was looked at; none when there is nothing left.
    pub last_id: Option<i64>,
}

/// An operator's action, for the audit.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// Who.
    pub actor: String,
    /// What.
    pub action: Action,
    /// JSON: what was asked for; never a person's data.
    pub target: String,
    /// Why.
    pub reason: Option<String>,
}

/// A person who is to be erased, by one of the ids that deliveries carry. `Debug` shows which kind, not whom.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Person {
    /// Whom the interview result with this id is about. That result alone.
    ResultId(String),
    /// The vendor's `profile_id`.
    ProfileId(String),
    /// The vendor's `profile_interview_id`.
    ProfileInterviewId(String),
    /// Your own id: `candidate_external_id`.
    ExternalId(String),
    /// The mail address, whatever its case: `candidate_email`.
    Email(String),
}

impl Person {
    /// By which kind of id the person is named.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ResultId(_) => "id",
            Self::ProfileId(_) => "profile_id",
            Self::ProfileInterviewId(_) => "profile_interview_id",
            Self::ExternalId(_) => "candidate_external_id",
            Self::Email(_) => "candidate_email",
        }
    }

    /// The id.
    pub fn value(&self) -> &str {
        match self {
            Self::ResultId(value)
            | Self::ProfileId(value)
            | Self::ProfileInterviewId(value)
            | Self::ExternalId(value)
            | Self::Email(value) => value,
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}: [redacted])", self.kind())
    }
}

/// What was removed of a person: the receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// Results that were emptied. A tombstone is left of each, so that a late retry brings nothing back.
    pub results: u64,
    /// Bodies that were removed.
    pub bodies: u64,
    /// Work that was given up.
    pub work: u64,
    /// Error texts that were removed.
    pub errors: u64,
}

impl std::ops::AddAssign for Erased {
    fn add_assign(&mut self, other: Self) {
        self.results += other.results;
        self.bodies += other.bodies;
        self.work += other.work;
        self.errors += other.errors;
    }
}

/// What one bounded step of a longer action did. The next step begins after `last_id`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Rows that were changed or removed.
    pub rows: u64,
    /// The last delivery that was looked at; none when there is nothing left.
    pub last_id: Option<i64>,
}
