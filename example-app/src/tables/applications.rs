use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use rocket_mojito::Timestamp;

use super::keys::Keys;
use super::place::Place;
use super::search::{self, Search};
use crate::database::DbConnection;
use crate::stage::Stage;

diesel::table! {
    use diesel::sql_types::*;
    use mojito_schema::UtcTimestamp;

    /// The stage of each interview result on the desk.
    applications (endpoint, result_id) {
        /// The endpoint that its deliveries came to.
        endpoint -> Text,
        /// The vendor's id of the result.
        result_id -> Text,
        /// A [`Stage`](crate::stage::Stage).
        stage -> Text,
        /// The version of the result that moved it.
        version -> BigInt,
        /// When it was moved.
        updated_at -> UtcTimestamp,
    }
}

/// The stage of one interview result.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = applications, primary_key(endpoint, result_id), treat_none_as_default_value = false)]
pub struct Application {
    /// The endpoint that its deliveries came to.
    pub endpoint: String,
    /// The vendor's id of the result.
    pub result_id: String,
    /// Its stage.
    pub stage: Stage,
    /// The version of the result that moved it.
    pub version: i64,
    /// When it was moved.
    pub updated_at: Timestamp,
}

impl Application {
    /// The application of a result, if it has one.
    pub async fn find(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Option<Self>> {
        let row = applications::table.find((endpoint.to_owned(), result_id.to_owned()));
        // Not `first`: SQLite prepares a query with a limit anew each time.
        row.select(Self::as_select()).get_result(c).await.optional()
    }

    /// Inserts an application that is not stored.
    pub async fn insert(&self, c: &mut DbConnection) -> QueryResult<()> {
        diesel::insert_into(applications::table).values(self).execute(c).await.map(drop)
    }

    /// Replaces the stored application of the same result.
    pub async fn replace(&self, c: &mut DbConnection) -> QueryResult<()> {
        let row = applications::table.find((&self.endpoint, &self.result_id));
        diesel::update(row).set(self).execute(c).await.map(drop)
    }

    /// Forgets the application of a result.
    pub async fn erase(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<()> {
        let row = applications::table.find((endpoint.to_owned(), result_id.to_owned()));
        diesel::delete(row).execute(c).await.map(drop)
    }

    /// The applications of these results.
    pub async fn of_results(c: &mut DbConnection, keys: Keys<'_>) -> QueryResult<Vec<Self>> {
        applications::table
            .filter(applications::endpoint.eq_any(keys.endpoints))
            .filter(applications::result_id.eq_any(keys.ids))
            .select(Self::as_select())
            .load(c)
            .await
    }

    /// The applications at one stage, behind a place and down to a moment, the last moved first. Their results are
    /// stored, are not erased, and fit the search.
    pub async fn at(
        c: &mut DbConnection,
        stage: Stage,
        search: Option<&Search>,
        behind: &Place,
        until: Timestamp,
        limit: i64,
    ) -> QueryResult<Vec<Self>> {
        let of_result = "EXISTS (SELECT 1 FROM mojito_results WHERE mojito_results.endpoint = applications.endpoint \
                         AND mojito_results.id = applications.result_id AND mojito_results.erased_at IS NULL AND ";
        applications::table
            .filter(applications::stage.eq(stage))
            .filter(applications::updated_at.between(until, behind.updated_at))
            .filter(
                applications::updated_at
                    .lt(behind.updated_at)
                    .or(applications::endpoint.lt(&behind.endpoint))
                    .or(applications::endpoint.eq(&behind.endpoint).and(applications::result_id.lt(&behind.result_id))),
            )
            .filter(search::within(of_result, search, ")"))
            .order((applications::updated_at.desc(), applications::endpoint.desc(), applications::result_id.desc()))
            .limit(limit)
            .select(Self::as_select())
            .load(c)
            .await
    }

    /// When the application that is `rows` rows behind a place moved; none where there are fewer.
    pub async fn moment_of(
        c: &mut DbConnection,
        stage: Stage,
        behind: &Place,
        rows: i64,
    ) -> QueryResult<Option<Timestamp>> {
        applications::table
            .filter(applications::stage.eq(stage))
            .filter(applications::updated_at.le(behind.updated_at))
            .order(applications::updated_at.desc())
            .offset(rows)
            .select(applications::updated_at)
            .first(c)
            .await
            .optional()
    }

    /// Its place in a list.
    pub fn place(&self) -> Place {
        Place { updated_at: self.updated_at, endpoint: self.endpoint.clone(), result_id: self.result_id.clone() }
    }

    /// The key of its result: endpoint and id.
    pub fn key(&self) -> (&str, &str) {
        (&self.endpoint, &self.result_id)
    }
}
