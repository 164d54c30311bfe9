use askama::Template;
use diesel_async::AsyncConnection as _;
use mojito_schema::{QueryResult, ResultRow};
use rocket::get;
use rocket::response::content::RawHtml;
use rocket_db_pools::Connection;

use super::errors::Failure;
use super::history::History;
use super::{labels, reasons};
use crate::database::{DbConnection, HiringDb};
use crate::moment::Moment;
use crate::score::Score;
use crate::stage::Stage;
use crate::tables::applications::Application;
use crate::tables::candidates;
use crate::visitor::Visitor;
use crate::watcher::Mark;

/// All about one interview result. Every text in it is the vendor's or the candidate's.
#[derive(Template)]
#[template(path = "candidate.html")]
struct Page {
    mark: Mark,
    name: Option<String>,
    stage: Option<Stage>,
    event: &'static str,
    version: i64,
    decision: &'static str,
    is_decided: bool,
    score: Option<Score>,
    recruiter_score: Option<Score>,
    report: Option<Report>,
    why_hire: Vec<String>,
    why_not_hire: Vec<String>,
    recruiter_analysis: Option<String>,
    candidate_analysis: Option<String>,
    facts: Vec<(&'static str, String)>,
    extra: Option<String>,
    first_received: Moment,
    updated: Moment,
    history: History,
}

/// The location of the report. The desk never fetches it.
struct Report {
    url: String,
    /// The host that a link leads to; none where the URL is not encrypted and so becomes no link.
    host: Option<String>,
}

impl Report {
    fn new(url: String) -> Self {
        let (scheme, rest) = url.split_at_checked(8).unwrap_or_default();
        // Browsers take a backslash for a slash, and the text before the last `@` for a user.
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let is_link = scheme.eq_ignore_ascii_case("https://") && !host.is_empty();
        let host = is_link.then(|| host.to_owned());
        Self { url, host }
    }
}

impl Page {
    async fn read(c: &mut DbConnection, endpoint: &str, id: &str) -> QueryResult<Option<Self>> {
        let mark = Mark::read(c).await?;
        let Some(row) = candidates::find(c, endpoint, id).await? else { return Ok(None) };
        let application = Application::find(c, endpoint, id).await?;
        let history = History::read(c, endpoint, id).await?;
        Ok(Some(Self::new(mark, row, application.map(|application| application.stage), history)))
    }

    fn new(mark: Mark, row: ResultRow, stage: Option<Stage>, history: History) -> Self {
        let facts = facts(&row);
        let snapshot = row.snapshot;
        Self {
            mark,
            name: labels::name(snapshot.candidate_name),
            stage,
            event: labels::event(row.event),
            version: row.version,
            decision: labels::decision(snapshot.recruiter_go_next_round),
            is_decided: snapshot.recruiter_go_next_round.is_some(),
            score: snapshot.score.map(Score),
            recruiter_score: snapshot.ai_analysis_recruiter_score.map(Score),
            report: snapshot.pdf_export_url.map(Report::new),
            why_hire: reasons::texts(snapshot.ai_analysis_recruiter_why_hire.as_deref()),
            why_not_hire: reasons::texts(snapshot.ai_analysis_recruiter_why_not_hire.as_deref()),
            recruiter_analysis: snapshot.ai_analysis_recruiter,
            candidate_analysis: snapshot.ai_analysis,
            facts,
            extra: Some(snapshot.extra).filter(|extra| extra != "{}"),
            first_received: Moment(row.first_received_at),
            updated: Moment(row.updated_at),
            history,
        }
    }
}

/// The plain facts of a result that are not null.
fn facts(row: &ResultRow) -> Vec<(&'static str, String)> {
    let snapshot = &row.snapshot;
    let facts = [
        ("Mail", &snapshot.candidate_email),
        ("Phone", &snapshot.candidate_phone_number),
        ("Your id", &snapshot.candidate_external_id),
        ("Interview went", &snapshot.interview_status),
        ("Scoring", &snapshot.processing_status),
        ("Status", &snapshot.status),
        ("Interview", &snapshot.interview_id),
        ("Enrolment", &snapshot.profile_interview_id),
        ("Profile", &snapshot.profile_id),
    ];
    let own = [("Result", row.id.clone()), ("Endpoint", row.endpoint.clone())];
    facts.into_iter().filter_map(|(label, value)| Some((label, value.clone()?))).chain(own).collect()
}

/// The page of one interview result. The id is in the query, where it may hold anything.
///
/// | status | cause |
/// | --- | --- |
/// | `200` | the page |
/// | `401`, `421` | see [`Visitor`] |
/// | `404` | there is no such result, or it is erased |
/// | `503` | the database does not answer |
#[get("/candidates/<endpoint>?<id>")]
pub(super) async fn page(
    _visitor: Visitor,
    mut db: Connection<HiringDb>,
    endpoint: &str,
    id: Option<&str>,
) -> Result<Option<RawHtml<String>>, Failure> {
    let Some(id) = id else { return Ok(None) };
    // No stored text holds NUL, and Postgres refuses it.
    if endpoint.contains('\0') || id.contains('\0') {
        return Ok(None);
    }
    let Some(page) = db.transaction(async |c| Page::read(c, endpoint, id).await).await? else { return Ok(None) };
    Ok(Some(RawHtml(page.render()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_encrypted_report_becomes_a_link() {
        let host = |url: &str| Report::new(url.to_owned()).host;

        assert_eq!(host("https://reports.example.com/1?sig=2").as_deref(), Some("reports.example.com"));
        assert_eq!(host("HTTPS://good.example\\@bad.example").as_deref(), Some("good.example"));
        assert_eq!(host("https://good.example@bad.example:8443").as_deref(), Some("bad.example:8443"));
        for url in ["http://example.com", "javascript:alert(1)//https://", " https://a", "https:/", "https://", "ü", ""]
        {
            assert_eq!(host(url), None, "{url}");
        }
    }
}
