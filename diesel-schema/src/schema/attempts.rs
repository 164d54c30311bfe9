use std::fmt;

use diesel::prelude::*;

use super::text_enum::text_enum;
use crate::Timestamp;

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// The attempts that did not simply succeed at once: each that failed, and each success after one. Rows are only
    /// added, and a replay keeps them.
    #[sql_name = "mojito_attempts"]
    attempts (id) {
        /// Rises with each attempt of one piece of work.
        id -> BigInt,
        /// The delivery.
        delivery_id -> BigInt,
        /// The handler's stable name.
        handler -> Text,
        /// The number of the attempt. A replay begins again at 1.
        attempt -> Integer,
        /// When the attempt was claimed; null where an older version of the program claimed it.
        started_at -> Nullable<UtcTimestamp>,
        /// When it ended. A success ends where its transaction began, as in `mojito_work.finished_at`.
        ended_at -> UtcTimestamp,
        /// An [`AttemptOutcome`](crate::AttemptOutcome).
        outcome -> Text,
        /// The error's text; null where there was none, or the person is erased.
        error -> Nullable<Text>,
    }
}

text_enum! {
    /// The outcome of an attempt that is kept in the history.
    AttemptOutcome {
        /// It succeeded, after others had not.
        Completed = "completed",
        /// The handler answered an error, or its transaction was not committed.
        Failed = "failed",
        /// The handler panicked.
        Panicked = "panicked",
        /// The handler did not answer in time.
        TimedOut = "timed_out",
        /// Nobody settled it before its lease lapsed: the process died, hung or was cut off.
        Lapsed = "lapsed",
        /// The handler gave up.
        Discarded = "discarded",
    }
}

/// An attempt that did not simply succeed at once. `Debug` shows whether there is an error, not its text.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = attempts)]
#[non_exhaustive]
pub struct AttemptRow {
    /// Rises with each attempt of one piece of work.
    pub id: i64,
    /// The delivery.
    pub delivery_id: i64,
    /// The handler's stable name.
    pub handler: String,
    /// The number of the attempt. A replay begins again at 1.
    pub attempt: i32,
    /// When the attempt was claimed; none where an older version of the program claimed it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Its outcome.
    pub outcome: AttemptOutcome,
    /// The error's text. It may quote a candidate.
    pub error: Option<String>,
}

impl fmt::Debug for AttemptRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptRow")
            .field("id", &self.id)
            .field("delivery_id", &self.delivery_id)
            .field("handler", &self.handler)
            .field("attempt", &self.attempt)
            .field("started_at", &self.started_at)
            .field("ended_at", &self.ended_at)
            .field("outcome", &self.outcome)
            // A handler's error may quote the candidate's data.
            .field("has_error", &self.error.is_some())
            .finish()
    }
}
