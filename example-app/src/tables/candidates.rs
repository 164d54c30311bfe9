//! What the desk asks the plugin's table of results: its candidates.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use mojito_schema::{ResultRow, results};
use rocket_mojito::{EventKind, Utc};

use super::applications::applications;
use crate::database::DbConnection;
use crate::stage::Stage;

/// One candidate's interview result, as lists show it.
#[derive(Queryable)]
pub struct CandidateRow {
    /// The endpoint that its deliveries came to.
    pub endpoint: String,
    /// The vendor's id of the result.
    pub result_id: String,
    /// The candidate's name, where one is linked.
    pub candidate_name: Option<String>,
    /// The customer's own id of the candidate, where one is linked.
    pub candidate_external_id: Option<String>,
    /// What the result last said.
    pub event: EventKind,
    /// How many snapshots there have been.
    pub version: i64,
    /// The overall score.
    pub score: Option<f64>,
    /// The recruiter's decision.
    pub recruiter_go_next_round: Option<bool>,
    /// When the result last changed.
    pub updated_at: Utc,
    /// Where it stands on the desk; none before the handler has filed it.
    pub stage: Option<Stage>,
}

/// Candidates, those whose result changed last first. What is erased is left out.
pub async fn newest(c: &mut DbConnection, stage: Option<Stage>, limit: i64) -> QueryResult<Vec<CandidateRow>> {
    let its_application = applications::endpoint.eq(results::endpoint).and(applications::result_id.eq(results::id));
    let mut query = results::table
        .left_join(applications::table.on(its_application))
        .filter(results::erased_at.is_null())
        .order((results::updated_at.desc(), results::delivery_id.desc()))
        .limit(limit)
        .select((
            results::endpoint,
            results::id,
            results::candidate_name,
            results::candidate_external_id,
            results::event,
            results::version,
            results::score,
            results::recruiter_go_next_round,
            results::updated_at,
            applications::stage.nullable(),
        ))
        .into_boxed();
    if let Some(stage) = stage {
        query = query.filter(applications::stage.eq(stage));
    }
    query.load(c).await
}

/// One result with all that it says, unless it is erased.
pub async fn find(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Option<ResultRow>> {
    let row = results::table.find((endpoint.to_owned(), result_id.to_owned())).filter(results::erased_at.is_null());
    row.select(ResultRow::as_select()).first(c).await.optional()
}

/// When a result last changed.
pub async fn last_update(c: &mut DbConnection) -> QueryResult<Option<Utc>> {
    results::table.select(results::updated_at).order(results::updated_at.desc()).first(c).await.optional()
}
