use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::line::Line;
use crate::{AttemptOutcome, Changes, DeliveryRow, WorkRow};

/// An executor's request for claims.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The handler's name.
    pub handler: Arc<str>,
    /// The most rows that it takes.
    pub limit: usize,
    /// How many of these rows start at once. The others are prefetched: they wait in this process. A prefetched row is
    /// never claimed for its last attempt: a death of the process would discard it before any handler saw it.
    pub free: usize,
    /// The length of the lease.
    pub lease: Duration,
    /// On SQLite, the last delivery that it takes. Later ones may not be on the disk yet.
    pub up_to: i64,
}

/// The outcome of a claim.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// In the order in which they are to be started.
    pub claims: Vec<Claim>,
    /// Whether the claim stopped at a limit: then more rows may be claimable.
    pub is_cut: bool,
    /// Whether the end of another row promoted any of the claimed rows in its line. That end may not be durable yet.
    pub has_promoted: bool,
}

/// A claimed delivery with everything that an attempt needs to know. `Debug` shows no body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Claim {
    /// The right to work on it.
    pub ticket: Ticket,
    /// The number of this attempt, from 1.
    pub attempt: i32,
    /// The number of attempts after which it is discarded.
    pub max_attempts: i32,
    /// The delivery.
    pub delivery: DeliveryRow,
    /// The newest version before this one that the handler has completed.
    pub former_version: Option<i64>,
    /// The body of that version, where it is still stored.
    pub former_body: Option<Vec<u8>>,
    /// The stored changes of the versions since, up to this one. None where this one is the next: its stored
    /// changes are enough.
    pub changes_since: Vec<Changes>,
    /// Whether its result has a later version by now.
    pub is_superseded: bool,
}

/// The right to work on one delivery for one handler, until another claim sets another epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The delivery.
    pub delivery_id: i64,
    /// The handler.
    pub handler: String,
    /// The first delivery about the same result: with the handler, the line.
    pub first_delivery_id: i64,
    /// The token of the claim that this ticket came from.
    pub epoch: i64,
    /// Whether an attempt before this one did not succeed: then the history tells of this one's success too.
    pub has_attempts: bool,
}

/// The end of an attempt: the only ways in which its worker moves the row out of `running`. `Debug` does not show the
/// errors.
#[derive(Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Done.
    Complete,
    /// To be attempted again after a pause.
    Retry {
        /// The pause, by the clock that settles: a clock that is put back meanwhile makes it no longer.
        pause: Duration,
        /// The text of the error.
        error: String,
        /// The outcome, for the history. A conflict with another transaction counts as an attempt, and has failed.
        outcome: AttemptOutcome,
    },
    /// Given up for good, by the handler.
    Discard {
        /// The text of the error.
        error: String,
    },
    /// Handed back before it ended: the attempt does not count, and the history does not tell of it.
    Release,
}

impl ClaimRequest {
    /// A request for `limit` rows of any delivery, which all start at once.
    pub fn new(handler: impl Into<Arc<str>>, limit: usize, lease: Duration) -> Self {
        Self { handler: handler.into(), limit, free: limit, lease, up_to: i64::MAX }
    }
}

impl Ticket {
    /// The ticket of a row that a claim takes with this epoch.
    pub(crate) fn from_row(row: &WorkRow, epoch: i64) -> Self {
        Self {
            delivery_id: row.delivery_id,
            handler: row.handler.clone(),
            first_delivery_id: row.first_delivery_id,
            epoch,
            // An older version of the program fails attempts without a word in the history.
            has_attempts: row.has_attempts || row.attempt > 0,
        }
    }

    /// The key of its row: delivery and handler.
    pub(crate) fn key(&self) -> (i64, &str) {
        (self.delivery_id, &self.handler)
    }

    /// The line that the delivery is in.
    pub fn line(&self) -> Line {
        Line { first_delivery_id: self.first_delivery_id, handler: self.handler.clone() }
    }

    /// An epoch that no claim has had: 63 random bits of the operating system.
    ///
    /// A counter could give out one value twice, where a power cut or a failover undoes the claim that raised it.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness.
    pub(crate) fn new_epoch() -> i64 {
        let bits = getrandom::u64().expect("the operating system has randomness");
        i64::try_from(bits >> 1).expect("63 bits")
    }
}

impl Settlement {
    /// The outcome that the history tells of, and the error's text. `None` where it tells nothing.
    pub(crate) fn kept(&self, ticket: &Ticket) -> Option<(AttemptOutcome, Option<&str>)> {
        match self {
            Self::Complete => ticket.has_attempts.then_some((AttemptOutcome::Completed, None)),
            Self::Retry { outcome, error, .. } => Some((*outcome, Some(error))),
            Self::Discard { error } => Some((AttemptOutcome::Discarded, Some(error))),
            Self::Release => None,
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("ticket", &self.ticket)
            .field("attempt", &self.attempt)
            .field("max_attempts", &self.max_attempts)
            .field("delivery", &self.delivery)
            .field("is_superseded", &self.is_superseded)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("Complete"),
            Self::Retry { pause, outcome, .. } => {
                f.debug_struct("Retry").field("pause", pause).field("outcome", outcome).finish_non_exhaustive()
            }
            Self::Discard { .. } => f.debug_struct("Discard").finish_non_exhaustive(),
            Self::Release => f.write_str("Release"),
        }
    }
}
