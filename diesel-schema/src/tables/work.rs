use std::fmt;

use diesel::backend::Backend;
use diesel::dsl::auto_type;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use serde::Serialize;

use crate::tables::deliveries::deliveries;
use crate::{DeliveryRow, State, Utc};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// What each handler has to do, or has done, about each delivery.
    #[sql_name = "mojito_work"]
    work (delivery_id, handler) {
        /// The delivery.
        delivery_id -> BigInt,
        /// The handler's stable name.
        handler -> Text,
        /// The first delivery about the same result: work of one result and handler waits in one line.
        first_delivery_id -> BigInt,
        /// A [`State`](crate::State).
        state -> Text,
        /// Attempts so far, counted when claimed.
        attempt -> Integer,
        /// After how many it is discarded.
        max_attempts -> Integer,
        /// From when it may be claimed; set while it waits.
        due_at -> Nullable<UtcTimestamp>,
        /// Until when its worker may run; set while it runs.
        lease_until -> Nullable<UtcTimestamp>,
        /// Rises at each claim: what a stale worker fails on.
        epoch -> BigInt,
        /// What the last failed attempt said.
        last_error -> Nullable<Text>,
        /// When it was completed or discarded.
        finished_at -> Nullable<UtcTimestamp>,
    }
}

/// The work of one handler on one delivery. `Debug` tells whether there is an error, and not what it says.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = work)]
#[non_exhaustive]
pub struct WorkRow {
    /// The delivery.
    pub delivery_id: i64,
    /// The handler's stable name.
    pub handler: String,
    /// The first delivery about the same result.
    pub first_delivery_id: i64,
    /// Where it stands.
    pub state: State,
    /// Attempts so far.
    pub attempt: i32,
    /// After how many it is discarded.
    pub max_attempts: i32,
    /// From when it may be claimed.
    pub due_at: Option<Utc>,
    /// Until when its worker may run.
    pub lease_until: Option<Utc>,
    /// Rises at each claim.
    pub epoch: i64,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// When it was completed or discarded.
    pub finished_at: Option<Utc>,
}

/// The right to work on one delivery for one handler, until another claim raises the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The delivery.
    pub delivery_id: i64,
    /// The handler.
    pub handler: String,
    /// The claim that this ticket came from.
    pub epoch: i64,
}

/// What an attempt came to: the only ways out of `running`. `Debug` does not show the errors.
#[derive(Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Done.
    Complete,
    /// To be attempted again at `due_at`.
    Retry {
        /// From when.
        due_at: Utc,
        /// What went wrong.
        error: String,
    },
    /// Given up for good.
    Discard {
        /// Why.
        error: String,
    },
    /// Handed back before it ended: the attempt does not count.
    Release,
}

/// What a worker gets when it claims: everything that an attempt needs to know. `Debug` shows no body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Claim {
    /// The right to work on it.
    pub ticket: Ticket,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// After how many it is discarded.
    pub max_attempts: i32,
    /// The delivery.
    pub delivery: DeliveryRow,
    /// The body of the version before this one, where there is one that is still kept.
    pub former_body: Option<Vec<u8>>,
    /// Whether its result has come to a later version meanwhile.
    pub is_superseded: bool,
}

/// How much there is of what is not done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backlog {
    /// Work that waits for its first or next attempt.
    pub waiting: i64,
    /// Work that runs.
    pub running: i64,
    /// Work that was given up, and that an operator may replay.
    pub discarded: i64,
    /// Deliveries that were not understood, and that an operator may replay.
    pub quarantined: i64,
}

impl fmt::Debug for WorkRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkRow")
            .field("delivery_id", &self.delivery_id)
            .field("handler", &self.handler)
            .field("first_delivery_id", &self.first_delivery_id)
            .field("state", &self.state)
            .field("attempt", &self.attempt)
            .field("max_attempts", &self.max_attempts)
            .field("due_at", &self.due_at)
            .field("lease_until", &self.lease_until)
            .field("epoch", &self.epoch)
            // A handler's error may quote whom it is about.
            .field("has_error", &self.last_error.is_some())
            .field("finished_at", &self.finished_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("Complete"),
            Self::Retry { due_at, .. } => f.debug_struct("Retry").field("due_at", due_at).finish_non_exhaustive(),
            Self::Discard { .. } => f.debug_struct("Discard").finish_non_exhaustive(),
            Self::Release => f.write_str("Release"),
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

/// Whether work waits, in words of the statement. Bound ones SQLite compares with those in the conditions of the indexes,
/// and compiles the statement anew for each value that it might choose another index by.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct Waits;

impl Expression for Waits {
    type SqlType = Bool;
}

impl AppearsOnTable<work::table> for Waits {}

impl SelectableExpression<work::table> for Waits {}

impl<DB: Backend> QueryFragment<DB> for Waits {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("mojito_work.state IN ('pending', 'retryable')");
        Ok(())
    }
}

diesel::alias!(work as in_line: InLine);

/// What a handler may claim at `now`, in order: due, and first in the line of its result.
///
/// The first in line is asked for row by row. Were it `NOT EXISTS`, Postgres might make a join of it, which reads all that waits
/// for each row of it as long as nobody has counted the rows.
#[auto_type(no_type_alias)]
pub(crate) fn claimable<'a>(handler: &'a str, now: &'a Utc) -> _ {
    let first_in_line = in_line
        .filter(in_line.field(work::first_delivery_id).eq(work::first_delivery_id))
        .filter(in_line.field(work::handler).eq(work::handler))
        .filter(in_line.field(work::finished_at).is_null())
        .select(in_line.field(work::delivery_id))
        .order(in_line.field(work::delivery_id))
        .limit(1_i64)
        .single_value();
    let waits: Waits = Waits;
    work::table
        .filter(work::handler.eq(handler))
        .filter(work::due_at.le(now))
        // A later version may let more wait than we know of.
        .filter(waits)
        .filter(work::delivery_id.nullable().eq(first_in_line))
        .order((work::due_at, work::delivery_id))
}

/// The fence: the row of this claim, as long as nobody has claimed it since and it still runs.
#[auto_type(no_type_alias)]
pub(crate) fn held<'a>(delivery_id: i64, handler: &'a str, epoch: i64) -> _ {
    let running: State = State::Running;
    work::table
        .filter(work::delivery_id.eq(delivery_id))
        .filter(work::handler.eq(handler))
        .filter(work::epoch.eq(epoch))
        .filter(work::state.eq(running))
}

/// The work whose lease has lapsed at `now`.
#[auto_type(no_type_alias)]
pub(crate) fn lapsed<'a>(now: &'a Utc) -> _ {
    let running: State = State::Running;
    work::table.filter(work::lease_until.lt(now)).filter(work::state.eq(running))
}

/// The work on a delivery that is neither completed nor discarded.
#[auto_type(no_type_alias)]
pub(crate) fn unfinished() -> _ {
    work::table.filter(work::delivery_id.eq(deliveries::id)).filter(work::finished_at.is_null())
}
