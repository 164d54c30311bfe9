use std::fmt;

use crate::{EventKind, Finding, Standing, Timestamp, WorkRow};

/// A page of deliveries, newest first.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Deliveries that the selection means.
    pub deliveries: Vec<Listed>,
    /// Before which delivery the next page begins; none when there is nothing left. The page says no more than that it has
    /// searched back to there: it reads ten thousand rows at most, and may be empty.
    pub next_before: Option<i64>,
}

/// A delivery of a [`Listing`], without its body. `Debug` does not show which result it is about.
#[derive(Clone)]
#[non_exhaustive]
pub struct Listed {
    /// The delivery.
    pub delivery_id: i64,
    /// The endpoint that it came to.
    pub endpoint: String,
    /// What it says.
    pub event: EventKind,
    /// The vendor's id of the interview result, where the body tells it.
    pub result_id: Option<String>,
    /// The version of the result; none for late and quarantined deliveries.
    pub version: Option<i64>,
    /// What it means for its result.
    pub standing: Standing,
    /// When its last byte had arrived.
    pub received_at: Timestamp,
    /// Whether its body is there: without it nothing can be replayed.
    pub has_body: bool,
    /// Anything noteworthy; why it was quarantined.
    pub findings: Vec<Finding>,
    /// The work on it that the selection means.
    pub work: Vec<WorkRow>,
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed")
            .field("delivery_id", &self.delivery_id)
            .field("endpoint", &self.endpoint)
            .field("event", &self.event)
            .field("version", &self.version)
            .field("standing", &self.standing)
            .field("findings", &self.findings)
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}
