use askama::Template;
use rocket::response::content::RawHtml;
use rocket::{get, uri};
use rocket_db_pools::Connection;

use super::errors::Failure;
use super::{candidate, labels};
use crate::database::HiringDb;
use crate::moment::Moment;
use crate::score::Score;
use crate::stage::Stage;
use crate::tables::candidates::{self, CandidateRow};
use crate::tables::notices::{self, NewsRow};
use crate::visitor::Visitor;
use crate::watcher::Mark;

/// How many candidates are shown.
const SHOWN: usize = 200;

/// How many notices are shown.
const NEWS: i64 = 5;

#[derive(Template)]
#[template(path = "candidates.html")]
struct Page {
    mark: Mark,
    choices: Vec<Choice>,
    news: Vec<News>,
    lines: Vec<Line>,
    stage: Option<Stage>,
    is_cut: bool,
}

/// A choice of candidates: all, or those at one stage.
struct Choice {
    link: String,
    label: &'static str,
    is_taken: bool,
}

/// A notice.
struct News {
    link: String,
    name: Option<String>,
    text: &'static str,
    moment: Moment,
}

/// A candidate's interview result.
struct Line {
    link: String,
    name: Option<String>,
    external_id: Option<String>,
    result_id: String,
    stage: Option<Stage>,
    event: &'static str,
    score: Option<Score>,
    decision: &'static str,
    is_decided: bool,
    updated: Moment,
}

impl From<NewsRow> for News {
    fn from(row: NewsRow) -> Self {
        Self {
            link: uri!(candidate::page(&row.endpoint, Some(&row.result_id))).to_string(),
            name: labels::name(row.candidate_name),
            text: row.notice.label(),
            moment: Moment(row.created_at),
        }
    }
}

impl From<CandidateRow> for Line {
    fn from(row: CandidateRow) -> Self {
        Self {
            link: uri!(candidate::page(&row.endpoint, Some(&row.result_id))).to_string(),
            name: labels::name(row.candidate_name),
            external_id: row.candidate_external_id,
            result_id: row.result_id,
            stage: row.stage,
            event: labels::event(row.event),
            score: row.score.map(Score),
            decision: labels::decision(row.recruiter_go_next_round),
            is_decided: row.recruiter_go_next_round.is_some(),
            updated: Moment(row.updated_at),
        }
    }
}

/// The page of all candidates, or of those at one stage. An unknown stage shows all.
///
/// | status | cause |
/// | --- | --- |
/// | `200` | the page |
/// | `401`, `421` | see [`Visitor`] |
/// | `503` | the database does not answer |
#[get("/?<stage>")]
pub(super) async fn page(
    _visitor: Visitor,
    mut db: Connection<HiringDb>,
    stage: Option<&str>,
) -> Result<RawHtml<String>, Failure> {
    let stage = stage.and_then(Stage::from_word);
    let mark = Mark::read(&mut db).await?;
    let mut rows = candidates::newest(&mut db, stage, i64::try_from(SHOWN + 1).unwrap_or(i64::MAX)).await?;
    let is_cut = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    let news = notices::newest(&mut db, NEWS).await?;
    let page = Page {
        mark,
        choices: choices(stage),
        news: news.into_iter().map(News::from).collect(),
        lines: rows.into_iter().map(Line::from).collect(),
        stage,
        is_cut,
    };
    Ok(RawHtml(page.render()?))
}

fn choices(taken: Option<Stage>) -> Vec<Choice> {
    let all = Choice { link: uri!(page(None::<&str>)).to_string(), label: "All", is_taken: taken.is_none() };
    let stages = Stage::ALL.iter().map(|stage| Choice {
        link: uri!(page(Some(stage.as_str()))).to_string(),
        label: stage.label(),
        is_taken: taken == Some(*stage),
    });
    std::iter::once(all).chain(stages).collect()
}
