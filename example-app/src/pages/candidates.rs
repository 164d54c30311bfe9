use std::collections::HashMap;

use askama::Template;
use diesel_async::AsyncConnection as _;
use mojito_schema::QueryResult;
use rocket::response::content::RawHtml;
use rocket::{get, uri};
use rocket_db_pools::Connection;

use super::errors::Failure;
use super::{candidate, labels};
use crate::database::{DbConnection, HiringDb};
use crate::moment::Moment;
use crate::score::Score;
use crate::stage::Stage;
use crate::tables::applications::Application;
use crate::tables::candidates::{self, CandidateRow};
use crate::tables::notices::{self, NoticeRow};
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

impl Page {
    async fn read(c: &mut DbConnection, stage: Option<Stage>) -> QueryResult<Self> {
        let mark = Mark::read(c).await?;
        let news = news(c).await?;
        let mut lines = lines(c, stage).await?;
        let is_cut = lines.len() > SHOWN;
        lines.truncate(SHOWN);
        Ok(Self { mark, choices: choices(stage), news, lines, stage, is_cut })
    }
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

impl Line {
    fn new(row: CandidateRow, stage: Option<Stage>) -> Self {
        Self {
            link: uri!(candidate::page(&row.endpoint, Some(&row.result_id))).to_string(),
            name: labels::name(row.candidate_name),
            external_id: row.candidate_external_id,
            result_id: row.result_id,
            stage,
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
    let page = db.transaction(async |c| Page::read(c, stage).await).await?;
    Ok(RawHtml(page.render()?))
}

/// The newest candidates, and one more than are shown if there are more.
async fn lines(c: &mut DbConnection, stage: Option<Stage>) -> QueryResult<Vec<Line>> {
    let limit = i64::try_from(SHOWN + 1).unwrap_or(i64::MAX);
    let (rows, applications) = match stage {
        Some(stage) => {
            let applications = Application::at(c, stage, limit).await?;
            let keys = applications.iter().map(Application::key).collect();
            (candidates::of_results(c, keys).await?, applications)
        }
        None => {
            let rows = candidates::newest(c, limit).await?;
            let keys = rows.iter().map(CandidateRow::key).collect();
            let applications = Application::of_results(c, keys).await?;
            (rows, applications)
        }
    };
    let stages: HashMap<_, _> = applications.iter().map(|application| (application.key(), application.stage)).collect();
    let line = |row: CandidateRow| {
        let found = stages.get(&row.key()).copied();
        (stage.is_none() || found == stage).then(|| Line::new(row, found))
    };
    Ok(rows.into_iter().filter_map(line).collect())
}

/// The newest notices. What is about an erased result is left out.
async fn news(c: &mut DbConnection) -> QueryResult<Vec<News>> {
    let notices = notices::newest(c, NEWS).await?;
    let candidates = candidates::of_results(c, notices.iter().map(NoticeRow::key).collect()).await?;
    let by_key: HashMap<_, _> = candidates.iter().map(|candidate| (candidate.key(), candidate)).collect();
    let news = |notice: &NoticeRow| {
        let candidate = by_key.get(&notice.key())?;
        Some(News {
            link: uri!(candidate::page(&notice.endpoint, Some(&notice.result_id))).to_string(),
            name: labels::name(candidate.candidate_name.clone()),
            text: notice.notice.label(),
            moment: Moment(notice.created_at),
        })
    };
    Ok(notices.iter().filter_map(news).collect())
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
