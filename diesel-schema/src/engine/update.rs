use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, AstPass, IntoUpdateTarget, QueryFragment, QueryId};

/// An update that stays prepared.
///
/// Diesel prepares its own updates anew each time, since an update may set other columns the next time. On SQLite that
/// was a tenth of an attempt, and on Postgres it is a round trip. The cache finds this update by its text: with other
/// columns it is another statement. The cache never forgets a statement, so use this type for updates with few texts.
pub(crate) struct Update<T, W, C> {
    table: T,
    rows: W,
    changes: C,
}

/// Builds an `UPDATE` from a filtered table.
pub(crate) fn update<Q, T, C>(query: Q, changes: C) -> Update<T::FromClause, Q::WhereClause, C::Changeset>
where
    Q: IntoUpdateTarget<Table = T>,
    T: Table,
    C: AsChangeset<Target = T>,
{
    let target = query.into_update_target();
    Update { table: target.table.from_clause(), rows: target.where_clause, changes: changes.as_changeset() }
}

impl<T, W, C, DB> QueryFragment<DB> for Update<T, W, C>
where
    T: QueryFragment<DB>,
    W: QueryFragment<DB>,
    C: QueryFragment<DB>,
    DB: Backend,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        self.rows.walk_ast(out)
    }
}

impl<T, W, C> QueryId for Update<T, W, C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use diesel::connection::{InstrumentationEvent, SimpleConnection};
    use diesel::query_dsl::methods::ExecuteDsl;

    use super::*;
    use crate::engine::sqlite::migrations::MIGRATIONS;
    use crate::{Timestamp, work};

    #[test]
    fn an_update_is_prepared_once() {
        let mut connection = SqliteConnection::establish(":memory:").expect("memory is there");
        MIGRATIONS.iter().try_for_each(|migration| connection.batch_execute(migration.up)).expect("they are applied");
        let prepared = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&prepared);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { .. } = event {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut renew = |id: i64| {
            let row = work::table.filter(work::delivery_id.eq(id));
            ExecuteDsl::execute(update(row, work::lease_until.eq(Timestamp::now())), &mut connection)
        };

        assert_eq!([renew(1), renew(2)], [Ok(0), Ok(0)]);
        assert_eq!(prepared.load(Ordering::Relaxed), 1);
    }
}
