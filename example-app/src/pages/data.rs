use diesel_async::AsyncConnection as _;
use rocket::get;
use rocket::http::Status;
use rocket::response::content::RawJson;
use rocket_db_pools::Connection;
use serde::Serialize;

use super::errors::Failure;
use crate::database::HiringDb;
use crate::moment::Moment;
use crate::score::Score;
use crate::tables::candidates::{self, CandidateRow};
use crate::visitor::Visitor;

/// The most candidates in an answer.
const MOST: i64 = 1_000;

/// A candidate's interview result as data.
#[derive(Serialize)]
struct Candidate {
    result_id: String,
    candidate_name: Option<String>,
    event: &'static str,
    version: i64,
    score: Option<Score>,
    recruiter_go_next_round: Option<bool>,
    updated_at: Moment,
}

impl From<CandidateRow> for Candidate {
    fn from(row: CandidateRow) -> Self {
        Self {
            result_id: row.result_id,
            candidate_name: row.candidate_name,
            event: row.event.as_str(),
            version: row.version,
            score: row.score.map(Score),
            recruiter_go_next_round: row.recruiter_go_next_round,
            updated_at: Moment(row.updated_at),
        }
    }
}

type Answer = (Status, RawJson<String>);

/// Every candidate as data: a JSON array, the last changed result first.
///
/// | status | cause |
/// | --- | --- |
/// | `200` | the newest 1,000, or as many as `limit` asks for if that is fewer |
/// | `400` | `limit` is not a whole number |
/// | `401`, `421` | see [`Visitor`] |
/// | `503` | the database does not answer |
#[get("/candidates.json?<limit>")]
pub(super) async fn list(
    _visitor: Visitor,
    mut db: Connection<HiringDb>,
    limit: Option<&str>,
) -> Result<Answer, Failure> {
    let Some(limit) = effective(limit) else {
        return Ok((Status::BadRequest, RawJson(r#"{"error":"limit"}"#.to_owned())));
    };
    let rows = db.transaction(async |c| candidates::newest(c, limit).await).await?;
    let candidates: Vec<Candidate> = rows.into_iter().map(Candidate::from).collect();
    let json = serde_json::to_string(&candidates).expect("texts and numbers always serialise");
    Ok((Status::Ok, RawJson(json)))
}

/// The number of candidates to answer with. `None` where `limit` is not a whole number.
fn effective(limit: Option<&str>) -> Option<i64> {
    let Some(digits) = limit else { return Some(MOST) };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit asks for more than there is.
    is_number.then(|| digits.parse().map_or(MOST, |limit: i64| limit.min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_asks_for_fewer_and_never_for_more() {
        let cases = [
            (None, Some(1_000)),
            (Some("3"), Some(3)),
            (Some("0"), Some(0)),
            (Some("1001"), Some(1_000)),
            (Some("99999999999999999999999"), Some(1_000)),
            (Some(""), None),
            (Some("-1"), None),
            (Some("+1"), None),
            (Some("1.5"), None),
            (Some("all"), None),
        ];

        for (asked, told) in cases {
            assert_eq!(effective(asked), told, "{asked:?}");
        }
    }
}
