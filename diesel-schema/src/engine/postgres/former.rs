use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, Record, Text};

use crate::deliveries;

/// The newest version before a delivery's own that a handler has completed: number and body. Most often that is the
/// version just before it, so that the subquery reads one row of each table.
///
/// It is one value, for a subquery of each column would look both rows up again.
#[derive(Debug, Clone, Copy, ValidGrouping)]
pub(super) struct CompletedBefore<'a> {
    pub handler: &'a str,
}

impl Expression for CompletedBefore<'_> {
    type SqlType = Nullable<Record<(BigInt, Nullable<Binary>)>>;
}

impl AppearsOnTable<deliveries::table> for CompletedBefore<'_> {}

impl SelectableExpression<deliveries::table> for CompletedBefore<'_> {}

impl QueryFragment<Pg> for CompletedBefore<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "(SELECT ROW(former.version, former.body) FROM mojito_deliveries AS former \
             WHERE former.first_delivery_id = mojito_deliveries.first_delivery_id \
             AND former.version < mojito_deliveries.version AND EXISTS (SELECT 1 FROM mojito_work AS w \
             WHERE w.delivery_id = former.id AND w.handler = ",
        );
        out.push_bind_param::<Text, _>(self.handler)?;
        // `OFFSET 0` keeps the planner from making it a join.
        out.push_sql(" AND w.state = 'completed' OFFSET 0) ORDER BY former.version DESC LIMIT 1)");
        Ok(())
    }
}

impl QueryId for CompletedBefore<'_> {
    type QueryId = CompletedBefore<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}
