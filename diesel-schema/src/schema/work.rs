use std::fmt;

use diesel::backend::Backend;
use diesel::dsl::{auto_type, sql};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, SqlLiteral, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use serde::Serialize;

use crate::schema::deliveries::deliveries;
use crate::{State, Timestamp, UtcTimestamp};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// The work of each handler on each delivery: open, running or ended.
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
        /// Attempts so far, counted at the claim.
        attempt -> Integer,
        /// The number of attempts after which it is discarded.
        max_attempts -> Integer,
        /// When it may be claimed again; null for at once, and while it does not wait.
        due_at -> Nullable<UtcTimestamp>,
        /// When the lease of its worker ends; set while it runs.
        lease_until -> Nullable<UtcTimestamp>,
        /// The token of the claim: random, compared for equality alone. A stale worker fails on it.
        epoch -> BigInt,
        /// The error of the last failed attempt.
        last_error -> Nullable<Text>,
        /// When it was completed, discarded or skipped.
        finished_at -> Nullable<UtcTimestamp>,
        /// Whether it is the first of its line: only the first may be claimed, and a line has one at most.
        is_first -> Bool,
        /// When `due_at` or `lease_until` was set, by the clock that set it. The difference is the intended pause or
        /// lease. Null where an older version of the program has set it.
        measured_from -> Nullable<UtcTimestamp>,
        /// When the handler's hook `discarded` may be called, where the call is owed. It counts for discarded work
        /// alone.
        hook_due_at -> Nullable<UtcTimestamp>,
        /// When it was last claimed. A claim of an older version of the program leaves it as it is.
        started_at -> Nullable<UtcTimestamp>,
        /// Whether [`attempts`](crate::attempts::table) tells of it: then it tells of its next success too.
        has_attempts -> Bool,
        /// When an operator dismissed it: it counts for discarded work that ended no later.
        dismissed_at -> Nullable<UtcTimestamp>,
        /// The group of the last error: its first line without all that looks like a value. Null where there is none, and
        /// where an older version of the program has written the error.
        error_group -> Nullable<Text>,
        /// Whether a replay made it wait, and no attempt has failed since: then no newer version skips it.
        is_replayed -> Bool,
    }
}

/// The work of one handler on one delivery. `Debug` shows whether there is an error, not its text.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = work)]
#[non_exhaustive]
pub struct WorkRow {
    /// The delivery.
    pub delivery_id: i64,
    /// The handler's stable name.
    pub handler: String,
    /// The first delivery about the same result.
    pub first_delivery_id: i64,
    /// Its state.
    pub state: State,
    /// Attempts so far.
    pub attempt: i32,
    /// The number of attempts after which it is discarded.
    pub max_attempts: i32,
    /// When it may be claimed again; none for at once.
    pub due_at: Option<Timestamp>,
    /// When the lease of its worker ends.
    pub lease_until: Option<Timestamp>,
    /// The token of the claim.
    pub epoch: i64,
    /// The error of the last failed attempt.
    pub last_error: Option<String>,
    /// When it was completed, discarded or skipped.
    pub finished_at: Option<Timestamp>,
    /// Whether it is the first of its line.
    pub is_first: bool,
    /// When it was last claimed.
    pub started_at: Option<Timestamp>,
    /// Whether [`attempts`](crate::attempts::table) tells of it.
    pub has_attempts: bool,
    /// When an operator dismissed it. It counts for discarded work that ended no later.
    pub dismissed_at: Option<Timestamp>,
    /// The group of the last error, as [`ErrorGroup`](crate::ErrorGroup) has it. None where there is no error, and where
    /// an older version of the program has written it.
    pub error_group: Option<String>,
}

/// The counts of everything that is not done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backlog {
    /// Work that waits for its first or next attempt by a handler that a living process has attached.
    pub waiting: i64,
    /// Of waiting and unattached work: first rows of their lines that have been due, and unclaimed, for more than five
    /// minutes. Their handler is paused, attached nowhere, or has more to do than it can. Replayed work counts from the
    /// arrival of its delivery.
    pub overdue: i64,
    /// Work that waits for a handler that no living process has attached: no process has confirmed it for three
    /// minutes.
    pub unattached: i64,
    /// Work that runs.
    pub running: i64,
    /// Work that was given up, and that an operator may replay or dismiss. Dismissed work does not count.
    pub discarded: i64,
    /// Deliveries that were not understood, and that an operator may replay or dismiss. Dismissed ones do not count.
    pub quarantined: i64,
}

impl WorkRow {
    /// When an operator dismissed it. None where it is not dead, or died again since.
    pub fn dismissal(&self) -> Option<Timestamp> {
        let is_dead = self.state == State::Discarded;
        self.dismissed_at.filter(|at| is_dead && self.finished_at.is_none_or(|finished| finished <= *at))
    }
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
            // A handler's error may quote the candidate's data.
            .field("has_error", &self.last_error.is_some())
            .field("finished_at", &self.finished_at)
            .field("is_first", &self.is_first)
            .field("started_at", &self.started_at)
            .field("has_attempts", &self.has_attempts)
            .field("dismissed_at", &self.dismissed_at)
            .finish_non_exhaustive()
    }
}

/// Whether a row may be claimed once it is due: it is the first of its line, and it waits.
///
/// Literals, not binds, as in the partial index. SQLite compares a bound value with the index's condition, and so
/// prepares the statement anew for each value.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct IsFirstAndWaits;

impl Expression for IsFirstAndWaits {
    type SqlType = Bool;
}

impl AppearsOnTable<work::table> for IsFirstAndWaits {}

impl SelectableExpression<work::table> for IsFirstAndWaits {}

impl<DB: Backend> QueryFragment<DB> for IsFirstAndWaits {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // A later version of the program may have more waiting states than this one knows.
        out.push_sql(
            "mojito_work.is_first AND mojito_work.lease_until IS NULL AND mojito_work.finished_at IS NULL \
             AND mojito_work.state IN ('pending', 'retryable')",
        );
        Ok(())
    }
}

/// When a row may be claimed. A null `due_at` counts as the earliest moment.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct DueFrom;

impl Expression for DueFrom {
    type SqlType = UtcTimestamp;
}

impl AppearsOnTable<work::table> for DueFrom {}

impl SelectableExpression<work::table> for DueFrom {}

#[cfg(feature = "sqlite")]
impl QueryFragment<diesel::sqlite::Sqlite> for DueFrom {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        out.push_sql("COALESCE(mojito_work.due_at, '')");
        Ok(())
    }
}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for DueFrom {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("COALESCE(mojito_work.due_at, '-infinity')");
        Ok(())
    }
}

/// The rows that a handler may claim at `now`, in order: due, and the first of their lines.
#[auto_type(no_type_alias)]
pub(crate) fn claimable<'a>(handler: &'a str, now: &'a Timestamp) -> _ {
    let (is_first_and_waits, due_from): (IsFirstAndWaits, DueFrom) = (IsFirstAndWaits, DueFrom);
    work::table
        .filter(work::handler.eq(handler))
        .filter(is_first_and_waits)
        .filter(due_from.le(now))
        .order((due_from, work::delivery_id))
}

/// The fence: the row of this claim, as long as no other claim has taken it and it still runs.
#[auto_type(no_type_alias)]
pub(crate) fn held<'a>(delivery_id: i64, handler: &'a str, epoch: i64) -> _ {
    let running: State = State::Running;
    work::table
        .filter(work::delivery_id.eq(delivery_id))
        .filter(work::handler.eq(handler))
        .filter(work::epoch.eq(epoch))
        .filter(work::state.eq(running))
}

/// The discarded work whose hook is due at `now`, the longest overdue first. The literal is the partial index's.
#[auto_type(no_type_alias)]
pub(crate) fn due_hooks<'a>(handler: &'a str, now: Timestamp) -> _ {
    let is_discarded: SqlLiteral<Bool> = sql::<Bool>("state = 'discarded'");
    work::table
        .filter(work::handler.eq(handler))
        .filter(is_discarded)
        .filter(work::hook_due_at.le(now))
        .order((work::hook_due_at, work::delivery_id))
}

/// The condition of the firsts of waiting lines, in the words of the index of claims.
pub(crate) const WAITING_FIRST: &str = "is_first AND lease_until IS NULL AND finished_at IS NULL";

/// The condition of work behind the first of its line, in the words of its index.
pub(crate) const WAITING_BEHIND: &str = "finished_at IS NULL AND NOT is_first";

/// The condition of dead work that nobody has dismissed, in the words of its index.
pub(crate) const UNDISMISSED: &str = "state = 'discarded' AND (dismissed_at IS NULL OR dismissed_at < finished_at)";

/// Whether work is in a state, without an index of states. By one, Postgres reads all the work in the state, though another
/// index leads to a few rows.
#[auto_type(no_type_alias)]
pub(crate) fn is_in(state: State) -> _ {
    let (nothing, text): (&'static str, &'static str) = ("", state.as_str());
    work::state.concat(nothing).eq(text)
}

/// The work whose lease has lapsed at `now`.
#[auto_type(no_type_alias)]
pub(crate) fn lapsed<'a>(now: &'a Timestamp) -> _ {
    let running: State = State::Running;
    work::table.filter(work::lease_until.lt(now)).filter(work::state.eq(running))
}

/// The first delivery of the line, and a wait. A wait has the moment that it was measured from, and its end as a lease or as
/// a pause.
pub(crate) type Wait = (i64, (Option<Timestamp>, Option<Timestamp>, Option<Timestamp>));

/// The columns of a wait.
pub(crate) const WAIT: (work::first_delivery_id, (work::measured_from, work::lease_until, work::due_at)) =
    (work::first_delivery_id, (work::measured_from, work::lease_until, work::due_at));

diesel::define_sql_function! {
    /// The number of bytes of a body. Neither database reads the body for it.
    fn octet_length(body: diesel::sql_types::Nullable<diesel::sql_types::Binary>) -> diesel::sql_types::Nullable<diesel::sql_types::Integer>;
}

/// The number of bytes in the body of a work row's delivery.
#[auto_type(no_type_alias)]
pub(crate) fn body_size() -> _ {
    deliveries::table.filter(deliveries::id.eq(work::delivery_id)).select(octet_length(deliveries::body)).single_value()
}

/// The work on a delivery that is neither completed, discarded nor skipped.
#[auto_type(no_type_alias)]
pub(crate) fn unfinished() -> _ {
    work::table.filter(work::delivery_id.eq(deliveries::id)).filter(work::finished_at.is_null())
}

/// The insert form of one handler's work on one delivery.
pub(crate) struct WorkInsert<'a> {
    pub delivery_id: i64,
    pub handler: &'a str,
    pub first_delivery_id: i64,
    pub state: State,
    pub max_attempts: i32,
    pub is_first: bool,
}
