use std::fmt;

use crate::{Action, Line, Ticket};

/// The next deliveries that a selection means.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In stored order.
    pub selected: Vec<Selected>,
    /// After which delivery the next page begins; none when there is nothing left.
    pub next_after: Option<i64>,
}

/// A delivery that a selection means.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The delivery.
    pub delivery_id: i64,
    /// The first delivery about the same result; none for a quarantined one.
    pub first_delivery_id: Option<i64>,
    /// Whether it was never understood.
    pub is_quarantined: bool,
    /// Whose work on it is meant.
    pub handlers: Vec<String>,
}

/// Work that is to wait again.
#[derive(Debug, Clone)]
pub struct Requeue {
    /// The delivery.
    pub delivery_id: i64,
    /// The line that the work is in.
    pub line: Line,
    /// After how many attempts it is discarded. Where this is known, work that was never made is made.
    pub max_attempts: Option<i32>,
}

impl Requeue {
    /// Which row it is about.
    pub(crate) fn key(&self) -> (i64, &str) {
        (self.delivery_id, &self.line.handler)
    }
}

/// What one step of a replay came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requeued {
    /// Work that waits again.
    pub work: u64,
    /// Work that runs, or is not there.
    pub left_alone: u64,
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

/// What one bounded step of pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneStep {
    /// Deliveries that were removed.
    pub removed: u64,
    /// After which delivery the next step begins; none when there is nothing left.
    pub next_after: Option<i64>,
}

/// What [`Backend::scrub`](crate::Backend::scrub) came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scrubbed {
    /// Nothing of what was removed is left in the files.
    Done,
    /// The log still holds it: somebody reads. It is overwritten when he has ended and the log is long, or used anew.
    ReaderInTheWay,
}

/// What [`Backend::renew_and_rescue`](crate::Backend::renew_and_rescue) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rescue {
    /// Tickets that somebody else has claimed, or settled, since.
    pub stale: Vec<Ticket>,
    /// Lapsed leases whose work waits again.
    pub rescued: usize,
    /// Lapsed leases whose work was discarded: it was the last attempt.
    pub discarded: usize,
}

/// A name that an operator gave, and may have mistyped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Of an endpoint.
    Endpoint(String),
    /// Of a handler.
    Handler(String),
}
