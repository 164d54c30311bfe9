use std::future::{Ready, ready};

use diesel::QueryResult;
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};
use diesel::sqlite::SqliteConnection;

/// Diesel's way to run a query, with answers that are there at once and can be awaited all the same.
///
/// So the verbs that both backends share are written once.
pub(crate) trait RunQueryDsl: Sized {
    fn execute(self, connection: &mut SqliteConnection) -> Ready<QueryResult<usize>>
    where
        Self: ExecuteDsl<SqliteConnection>,
    {
        ready(ExecuteDsl::execute(self, connection))
    }

    fn load<'query, U>(self, connection: &mut SqliteConnection) -> Ready<QueryResult<Vec<U>>>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        ready(self.internal_load(connection).and_then(Iterator::collect))
    }

    fn get_result<'query, U>(self, connection: &mut SqliteConnection) -> Ready<QueryResult<U>>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        let first = self.internal_load(connection).and_then(|mut rows| rows.next().transpose());
        ready(first.and_then(|row| row.ok_or(diesel::NotFound)))
    }
}

impl<Q> RunQueryDsl for Q {}
