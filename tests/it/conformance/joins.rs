//! Tables of a host's own stand in one query with the plugin's.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use mojito_schema::{Postgres, Sqlite, deliveries, results, work};

use super::{record, result};
use crate::harness::Store;

diesel::table! { offers (result_id) { result_id -> Text, salary -> BigInt } }
diesel::table! { visits (delivery_id) { delivery_id -> BigInt } }
mojito_schema::joinable!(offers, visits);

const TABLES: &str = "CREATE TABLE offers (result_id TEXT PRIMARY KEY, salary BIGINT NOT NULL);
    CREATE TABLE visits (delivery_id BIGINT PRIMARY KEY);
    INSERT INTO offers VALUES ('b', 70), ('nobody', 80);
    INSERT INTO visits VALUES (1);";

/// Each query stands in a transaction: there may be a proxy in between.
macro_rules! on {
    ($name:ident, $backend:ty) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut store = Store::<$backend>::open().await;
            record(&mut store, vec![result("a", "first"), result("b", "first")]).await;
            store.run(TABLES).await;
            let mut connection = store.another().await;

            let offered = offers::table.inner_join(results::table.on(results::id.eq(offers::result_id)));
            let offered = offered.select((offers::salary, results::version));
            let offered: Vec<(i64, i64)> = connection.transaction(async |c| offered.load(c).await).await.unwrap();
            let left = results::table.left_join(offers::table.on(offers::result_id.eq(results::id)));
            let left = left.order(results::id).select((results::id, offers::salary.nullable()));
            let left: Vec<(String, Option<i64>)> = connection.transaction(async |c| left.load(c).await).await.unwrap();
            let visited = work::table.inner_join(deliveries::table);
            let visited = visited.inner_join(visits::table.on(visits::delivery_id.eq(deliveries::id)));
            let visited = visited.select(deliveries::result_id);
            let visited: Vec<Option<String>> = connection.transaction(async |c| visited.load(c).await).await.unwrap();
            let current = results::table.inner_join(deliveries::table).order(results::id).select(deliveries::id);
            let current: Vec<i64> = connection.transaction(async |c| current.load(c).await).await.unwrap();

            assert_eq!(offered, [(70, 1)]);
            assert_eq!(left, [("a".to_owned(), None), ("b".to_owned(), Some(70))]);
            assert_eq!(visited, [Some("a".to_owned())]);
            assert_eq!(current, [1, 2]);
        }
    };
}

on!(a_host_joins_its_own_tables_on_sqlite, Sqlite);
on!(a_host_joins_its_own_tables_on_postgres, Postgres);
