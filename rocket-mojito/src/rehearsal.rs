use std::fmt;

use mojito_schema::{Selection, TableChange};

/// A rehearsal: the selected deliveries, the handler that runs on them without effect, and the pace.
///
/// ```
/// # use rocket_mojito::{Rehearsal, Selection, State};
/// let dead = Rehearsal::new(Selection::all().state(State::Discarded), "HiringDesk").limit(20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    pub(crate) selection: Selection,
    pub(crate) handler: String,
    pub(crate) limit: usize,
    pub(crate) per_second: u32,
    pub(crate) reveals: bool,
}

/// The most deliveries of one rehearsal.
const MAX_LIMIT: usize = 1_000;

impl Rehearsal {
    /// A rehearsal of the handler of this name on the first hundred selected deliveries, ten a second.
    ///
    /// The handler needs no work on a delivery. A condition on work, such as [`Selection::state`], means the work of
    /// this handler, unless the selection names another one.
    pub fn new(selection: Selection, handler: impl Into<String>) -> Self {
        let handler = handler.into();
        let names_another = selection.handler_name().is_some();
        let selection =
            if selection.names_work() && !names_another { selection.handler(handler.clone()) } else { selection };
        Self { selection, handler, limit: 100, per_second: 10, reveals: false }
    }

    /// The most deliveries. It is cut to a thousand.
    pub fn limit(mut self, deliveries: usize) -> Self {
        self.limit = deliveries.clamp(1, MAX_LIMIT);
        self
    }

    /// The number of deliveries that are rehearsed in each second. At least 1.
    pub fn per_second(mut self, deliveries: u32) -> Self {
        self.per_second = deliveries.max(1);
        self
    }

    /// Notes in the audit that the texts of errors, which may quote a candidate, are shown to a person.
    pub fn revealing_errors(mut self) -> Self {
        self.reveals = true;
        self
    }
}

/// The outcome of a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rehearsed {
    /// The selected deliveries, in stored order.
    pub deliveries: Vec<RehearsedDelivery>,
    /// The delivery after which the rest of the selection begins, where the limit has cut it: see [`Selection::after`].
    pub next_after: Option<i64>,
}

/// The outcome of a rehearsal on one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RehearsedDelivery {
    /// The delivery.
    pub delivery: i64,
    /// The answer that an attempt would have had.
    pub answer: Answer,
    /// The rows that would have been changed, by table, without the plugin's own. Empty unless the answer is
    /// [`Answer::Ok`]: everything else is rolled back.
    pub changes: Vec<TableChange>,
}

/// The answer of a rehearsed handler, and of the checks that its commit would have met. `Debug` shows no text of an
/// error: it comes from the host, and may quote a candidate.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The handler would have completed its work.
    Ok,
    /// The handler answered with an error, or its transaction would not have been committed: it would be attempted
    /// again.
    Retry {
        /// The text that would have been stored as `last_error`.
        error: String,
    },
    /// The handler would have given up.
    Discard {
        /// The text that would have been stored as `last_error`.
        error: String,
    },
    /// The handler panicked: it would be attempted again.
    Panic {
        /// The text that would have been stored as `last_error`.
        error: String,
    },
    /// The handler did not answer within `handler_timeout`: it would be attempted again.
    TimedOut,
    /// The handler was not run, or its run says nothing.
    NotRehearsed(Unrehearsed),
}

/// Why a delivery was not rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unrehearsed {
    /// The delivery is in quarantine, or was removed meanwhile.
    Quarantined,
    /// Its body is pruned or erased.
    WithoutBody,
    /// Work of the same result and handler was running.
    Leased,
    /// The database gave no connection, or takes no writes.
    NotPossible,
}

impl Answer {
    /// The answer as a word: `ok`, `retry`, `discard`, `panic`, `timed_out` or `not_rehearsed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retry { .. } => "retry",
            Self::Discard { .. } => "discard",
            Self::Panic { .. } => "panic",
            Self::TimedOut => "timed_out",
            Self::NotRehearsed(_) => "not_rehearsed",
        }
    }

    /// The text of the handler's error, where it has one.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Retry { error } | Self::Discard { error } | Self::Panic { error } => Some(error),
            Self::Ok | Self::TimedOut | Self::NotRehearsed(_) => None,
        }
    }
}

impl Unrehearsed {
    /// The reason as a word: `quarantined`, `without_body`, `leased` or `not_possible`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::WithoutBody => "without_body",
            Self::Leased => "leased",
            Self::NotPossible => "not_possible",
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRehearsed(reason) => f.debug_tuple("NotRehearsed").field(reason).finish(),
            answer => f.write_str(answer.as_str()),
        }
    }
}
