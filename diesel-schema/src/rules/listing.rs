use std::fmt;

use crate::{EventKind, Field, Finding, Standing, Timestamp, WorkRow};

/// A page of deliveries, newest first.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Listing {
    /// The selected deliveries.
    pub deliveries: Vec<Listed>,
    /// The delivery before which the next page begins: the search has come back to there. None at the end. A page reads
    /// ten thousand rows at most, so it may be empty although more pages follow.
    pub next_before: Option<i64>,
}

/// A delivery of a [`Listing`], without its body. `Debug` does not show its result.
#[derive(Clone)]
#[non_exhaustive]
pub struct Listed {
    /// The delivery.
    pub delivery_id: i64,
    /// The endpoint that it came to.
    pub endpoint: String,
    /// The kind of event that it reports.
    pub event: EventKind,
    /// The vendor's id of the interview result, where the body tells it.
    pub result_id: Option<String>,
    /// The version of the result; none for late and quarantined deliveries.
    pub version: Option<i64>,
    /// The delivery's standing.
    pub standing: Standing,
    /// SHA-256 over its endpoint, event and body: see [`Fingerprint`](crate::Fingerprint).
    pub fingerprint: Vec<u8>,
    /// When its last byte had arrived.
    pub received_at: Timestamp,
    /// The id of the endpoint's secret that matched.
    pub secret_id: String,
    /// The fields that it changed in the result.
    pub changes: Vec<Field>,
    /// The number of its repeats.
    pub repeat_count: i64,
    /// When the last repeat came.
    pub last_repeat_at: Option<Timestamp>,
    /// Whether its body is still stored: without it the delivery cannot be replayed.
    pub has_body: bool,
    /// The findings about it, such as the reason for its quarantine.
    pub findings: Vec<Finding>,
    /// When an operator dismissed it, where it is in quarantine.
    pub dismissed_at: Option<Timestamp>,
    /// The selected work on it.
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
