use std::time::Duration;

use diesel::prelude::*;

use super::verbs;
use crate::tables::work::claimable;
use crate::{Claim, Utc, WorkRow};

pub(super) async fn claim(
    connection: &mut SqliteConnection,
    handler: &str,
    limit: i64,
    lease: Duration,
    now: Utc,
) -> QueryResult<Vec<Claim>> {
    let rows: Vec<WorkRow> = claimable(handler, &now, limit).select(WorkRow::as_select()).load(connection)?;
    verbs::take(connection, rows, now.after(lease)).await
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::Text;
    use diesel::sqlite::Sqlite;

    use super::*;
    use crate::tables::deliveries::{body_of_version, known};
    use crate::tables::work::lapsed;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// How SQLite goes about a query on the tables as the migrations make them.
    fn plan(query: &str) -> Vec<String> {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute(include_str!("../../migrations/sqlite/0001_create_tables/up.sql")).unwrap();
        let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(&mut connection).unwrap();
        steps.into_iter().map(|step| step.detail).collect()
    }

    fn sql(query: &impl diesel::query_builder::QueryFragment<Sqlite>) -> String {
        diesel::debug_query::<Sqlite, _>(query).to_string().split(" -- binds").next().unwrap().to_owned()
    }

    #[test]
    fn what_runs_often_looks_things_up_by_an_index() {
        let now = Utc::now();
        let cases = [
            (sql(&claimable("h", &now, 4)), "mojito_work_by_due"),
            (sql(&claimable("h", &now, 4)), "mojito_work_open"),
            (sql(&lapsed(&now)), "mojito_work_by_lease"),
            (sql(&known(&[0; 32])), "mojito_deliveries_by_fingerprint"),
            (sql(&body_of_version("e", "r", 1)), "mojito_deliveries_by_result"),
        ];

        for (query, index) in cases {
            let plan = plan(&query);

            assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:?}");
            assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:?}");
        }
    }
}
