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

/// What one bounded step of pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneStep {
    /// Deliveries that were removed.
    pub removed: u64,
    /// After which delivery the next step begins; none when there is nothing left.
    pub next_after: Option<i64>,
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
