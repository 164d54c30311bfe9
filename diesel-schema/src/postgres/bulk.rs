//! Statements over any number of rows beside the plain [insertions](crate::insert): each column travels as one array too.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};

use crate::insert::{Insert, Results};
use crate::plan::ResultInsert;
use crate::{Utc, UtcTimestamp};

/// The states of results, new ones and newer ones. A row that another process was first to write is left alone, and
/// not counted.
pub(super) struct States<'a>(pub Results<'a>);

impl QueryFragment<Pg> for States<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        let columns: Vec<String> =
            Insert::<ResultInsert<'_>>::COLUMNS.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        out.push_sql(" ON CONFLICT (endpoint, id) DO UPDATE SET ");
        out.push_sql(&columns.join(", "));
        out.push_sql(" WHERE mojito_results.first_delivery_id = excluded.first_delivery_id");
        Ok(())
    }
}

impl QueryId for States<'_> {
    type QueryId = States<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// How many repeats came of which deliveries, and when the last did.
#[derive(Default)]
pub(super) struct Repeats {
    id: Vec<i64>,
    times: Vec<i64>,
    last: Vec<Utc>,
}

impl<'a> FromIterator<(&'a i64, &'a (i64, Utc))> for Repeats {
    fn from_iter<I: IntoIterator<Item = (&'a i64, &'a (i64, Utc))>>(rows: I) -> Self {
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
             FROM unnest(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<UtcTimestamp>, _>(&self.last)?;
        out.push_sql(") AS came (id, times, last) WHERE mojito_deliveries.id = came.id");
        Ok(())
    }
}

impl QueryId for Repeats {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}
