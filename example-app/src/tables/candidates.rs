//! The desk's queries on the plugin's table of results: its candidates.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use mojito_schema::{ResultRow, results};
use rocket_mojito::{EventKind, Timestamp};

use super::keys::Keys;
use super::place::Place;
use super::search::{self, Search};
use crate::database::DbConnection;

/// One candidate's interview result, as lists show it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = results)]
pub struct CandidateRow {
    /// The endpoint that its deliveries came to.
    pub endpoint: String,
    /// The vendor's id of the result.
    #[diesel(column_name = id)]
    pub result_id: String,
    /// The candidate's name, where one is linked.
    pub candidate_name: Option<String>,
    /// The customer's own id of the candidate, where one is linked.
    pub candidate_external_id: Option<String>,
    /// The event of the newest snapshot.
    pub event: EventKind,
    /// The number of snapshots so far.
    pub version: i64,
    /// The overall score.
    pub score: Option<f64>,
    /// The recruiter's decision.
    pub recruiter_go_next_round: Option<bool>,
    /// When the result last changed.
    pub updated_at: Timestamp,
}

impl CandidateRow {
    /// The key of the result: endpoint and id.
    pub fn key(&self) -> (&str, &str) {
        (&self.endpoint, &self.result_id)
    }

    /// Its place in a list.
    pub fn place(&self) -> Place {
        Place { updated_at: self.updated_at, endpoint: self.endpoint.clone(), result_id: self.result_id.clone() }
    }
}

/// Candidates behind a place and down to a moment, the last changed result first. Only candidates that fit the search;
/// erased results are left out.
pub async fn behind(
    c: &mut DbConnection,
    search: Option<&Search>,
    behind: &Place,
    until: Timestamp,
    limit: i64,
) -> QueryResult<Vec<CandidateRow>> {
    results::table
        .filter(results::erased_at.is_null())
        .filter(results::updated_at.between(until, behind.updated_at))
        .filter(
            results::updated_at
                .lt(behind.updated_at)
                .or(results::endpoint.lt(&behind.endpoint))
                .or(results::endpoint.eq(&behind.endpoint).and(results::id.lt(&behind.result_id))),
        )
        .filter(search::says(search))
        .order((results::updated_at.desc(), results::endpoint.desc(), results::id.desc()))
        .limit(limit)
        .select(CandidateRow::as_select())
        .load(c)
        .await
}

/// When the result that is `rows` rows behind a place changed; none where there are fewer.
pub async fn moment_of(c: &mut DbConnection, behind: &Place, rows: i64) -> QueryResult<Option<Timestamp>> {
    results::table
        .filter(results::updated_at.le(behind.updated_at))
        .order(results::updated_at.desc())
        .offset(rows)
        .select(results::updated_at)
        .first(c)
        .await
        .optional()
}

/// Candidates, the last changed result first. Erased results are left out.
pub async fn newest(c: &mut DbConnection, limit: i64) -> QueryResult<Vec<CandidateRow>> {
    results::table
        .filter(results::erased_at.is_null())
        .order((results::updated_at.desc(), results::delivery_id.desc()))
        .limit(limit)
        .select(CandidateRow::as_select())
        .load(c)
        .await
}

/// The candidates with these results, in the same order. Erased results are left out.
pub async fn of_results(c: &mut DbConnection, keys: Keys<'_>) -> QueryResult<Vec<CandidateRow>> {
    results::table
        .filter(results::endpoint.eq_any(keys.endpoints))
        .filter(results::id.eq_any(keys.ids))
        .filter(results::erased_at.is_null())
        .order((results::updated_at.desc(), results::delivery_id.desc()))
        .select(CandidateRow::as_select())
        .load(c)
        .await
}

/// One result with all its columns, unless it is erased.
pub async fn find(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Option<ResultRow>> {
    let row = results::table.find((endpoint.to_owned(), result_id.to_owned())).filter(results::erased_at.is_null());
    row.select(ResultRow::as_select()).first(c).await.optional()
}

/// The last changed results with the moment of the change, the last first. Erased results are among them.
pub async fn last_updates(c: &mut DbConnection, limit: i64) -> QueryResult<Vec<(i64, Timestamp)>> {
    let rows = results::table.order((results::updated_at.desc(), results::delivery_id.desc())).limit(limit);
    rows.select((results::delivery_id, results::updated_at)).load(c).await
}
