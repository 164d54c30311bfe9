//! Statements over any number of rows beside the plain [insertions](crate::engine::insert): each column travels as one
//! array too.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, BigInt, Text};

use crate::engine::insert::{Deliveries, Insert, Results, Work, commas};
use crate::rules::batch_plan::{BatchPlan, ResultChange};
use crate::schema::results::ResultInsert;
use crate::{Timestamp, UtcTimestamp};

/// The server's message where another process was first.
const LOST_RACE: &str = "another process was first to record the result";

/// Turns the error of additions that lost the race into a unique violation, the kind that callers ask for.
pub(super) fn lost_race(error: Error) -> Error {
    match error {
        Error::DatabaseError(_, details) if details.message().contains(LOST_RACE) => {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, details)
        }
        error => error,
    }
}

/// The additions of a plan: deliveries, the states of their results, and work, in one statement. Foreign keys are
/// checked at the end of the statement.
///
/// Where another process was first to write the state of a new result, the statement [fails](lost_race). Otherwise a
/// commit that is pipelined behind it would store deliveries that their result knows nothing of.
pub(super) struct Additions<'a> {
    deliveries: Deliveries<'a>,
    results: Results<'a>,
    work: Work<'a>,
}

impl<'a> Additions<'a> {
    pub fn new(plan: &'a BatchPlan<'_>) -> Self {
        let state = |advance: &'a ResultChange<'_>| match advance {
            ResultChange::First(row) | ResultChange::Next(row) => Some(row),
            ResultChange::Late { .. } => None,
        };
        Self {
            deliveries: plan.deliveries.iter().collect(),
            results: plan.results.iter().filter_map(state).collect(),
            work: plan.work.iter().collect(),
        }
    }
}

impl QueryFragment<Pg> for Additions<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH deliveries AS (");
        self.deliveries.walk_ast(out.reborrow())?;
        out.push_sql("), work AS (");
        self.work.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.results.walk_ast(out.reborrow())?;
        out.push_sql(" ON CONFLICT (endpoint, id) DO UPDATE SET ");
        // The key is left out, though its value would stay the same: setting it locks the row against all rows that
        // refer to it.
        let columns = Insert::<ResultInsert<'_>>::COLUMNS.iter().filter(|column| !["endpoint", "id"].contains(column));
        for (comma, column) in commas().zip(columns) {
            for part in [comma, column, " = excluded.", column] {
                out.push_sql(part);
            }
        }
        // SQL has no expression that raises an error. A failed cast quotes its text, in whatever language the server
        // speaks.
        out.push_sql(
            " WHERE CASE WHEN mojito_results.first_delivery_id = excluded.first_delivery_id THEN true \
             ELSE CAST('",
        );
        out.push_sql(LOST_RACE);
        out.push_sql(" ' || excluded.id AS boolean) END");
        Ok(())
    }
}

impl QueryId for Additions<'_> {
    type QueryId = Additions<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// The lines in which a new version may end older work, which is skipped. The transaction holds their locks.
pub(super) struct Overtaken<'a> {
    line: Vec<i64>,
    handler: Vec<&'a str>,
}

impl<'a> Overtaken<'a> {
    pub fn new(plan: &BatchPlan<'a>) -> Self {
        let (line, handler) = plan.overtaken.iter().copied().unzip();
        Self { line, handler }
    }
}

impl QueryFragment<Pg> for Overtaken<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT mojito_skip_overtaken(asked.line, asked.handler, NULL) FROM (SELECT unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.line)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.handler)?;
        out.push_sql(")) AS asked (line, handler)");
        Ok(())
    }
}

impl QueryId for Overtaken<'_> {
    type QueryId = Overtaken<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// The number of repeats of each delivery, and the time of the last one.
#[derive(Default)]
pub(super) struct Repeats {
    id: Vec<i64>,
    times: Vec<i64>,
    last: Vec<Timestamp>,
}

impl<'a> FromIterator<(&'a i64, &'a (i64, Timestamp))> for Repeats {
    fn from_iter<I: IntoIterator<Item = (&'a i64, &'a (i64, Timestamp))>>(rows: I) -> Self {
        let mut columns = Self::default();
        for (id, (times, last)) in rows {
            columns.id.push(*id);
            columns.times.push(*times);
            columns.last.push(*last);
        }
        columns
    }
}

impl QueryFragment<Pg> for Repeats {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE mojito_deliveries SET repeat_count = repeat_count + came.times, last_repeat_at = came.last \
             FROM (SELECT unnest(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.id)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<UtcTimestamp>, _>(&self.last)?;
        // The list bounds what is read. A join alone reads all where the planner takes the table for a single row.
        out.push_sql(
            ")) AS came (id, times, last) WHERE mojito_deliveries.id = came.id AND mojito_deliveries.id = ANY(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.id)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for Repeats {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}
