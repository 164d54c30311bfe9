use std::collections::HashMap;

use askama::Template;
use diesel_async::AsyncConnection as _;
use mojito_schema::QueryResult;
use rocket::response::content::RawHtml;
use rocket::{get, uri};
use rocket_db_pools::Connection;
use rocket_mojito::Timestamp;

use super::errors::Failure;
use super::{candidate, labels};
use crate::database::{DbConnection, HiringDb};
use crate::moment::Moment;
use crate::score::Score;
use crate::stage::Stage;
use crate::tables::applications::Application;
use crate::tables::candidates::{self, CandidateRow};
use crate::tables::keys::Keys;
use crate::tables::notices::{self, NoticeRow};
use crate::tables::place::Place;
use crate::tables::search::Search;
use crate::visitor::Visitor;
use crate::watcher::Mark;

/// How many candidates a page shows.
const SHOWN: usize = 200;

/// The most rows that a search looks at for one page. The page says how far back the search has come, and links on from
/// there.
const SEARCHED: i64 = 10_000;

/// How many notices are shown.
const NEWS: i64 = 5;

/// The candidates that a visitor wants to see.
struct Wanted {
    stage: Option<Stage>,
    search: Option<Search>,
    behind: Option<Place>,
}

impl Wanted {
    /// The link to the same list, from this place on.
    fn link(&self, behind: Option<&Place>) -> String {
        let behind = behind.map(Place::word);
        let search = self.search.as_ref().map(Search::text);
        uri!(page(self.stage.map(Stage::as_str), search, behind.as_deref())).to_string()
    }
}

#[derive(Template)]
#[template(path = "candidates.html")]
struct Page {
    mark: Mark,
    choices: Vec<Choice>,
    news: Vec<News>,
    lines: Vec<Line>,
    stage: Option<Stage>,
    search: Option<String>,
    /// The link to the first page of the list, where this is another page.
    latest: Option<String>,
    /// The link to the page behind this one.
    older: Option<String>,
    /// How far back the search has come, where it has not come to the end.
    searched: Option<Searched>,
}

struct Searched {
    moment: Moment,
    further: String,
}

impl Page {
    async fn read(c: &mut DbConnection, wanted: &Wanted) -> QueryResult<Self> {
        let mark = Mark::read(c).await?;
        let news = news(c).await?;
        let mut list = List::read(c, wanted).await?;
        let is_cut = list.lines.len() > SHOWN;
        list.lines.truncate(SHOWN);
        let (lines, places): (Vec<Line>, Vec<Place>) = list.lines.into_iter().unzip();
        let searched = list
            .searched_until
            .filter(|_| !is_cut)
            .map(|moment| Searched { moment: Moment(moment), further: wanted.link(Some(&Place::behind(moment))) });
        Ok(Self {
            mark,
            choices: choices(wanted),
            news,
            lines,
            stage: wanted.stage,
            search: wanted.search.as_ref().map(|search| search.text().to_owned()),
            latest: wanted.behind.as_ref().map(|_| wanted.link(None)),
            older: places.last().filter(|_| is_cut).map(|last| wanted.link(Some(last))),
            searched,
        })
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

/// The page of all candidates, of candidates at one stage, or of candidates whose name or id holds a text. An unknown
/// stage shows all, an unknown place the first page.
///
/// | status | cause |
/// | --- | --- |
/// | `200` | the page |
/// | `401`, `421` | see [`Visitor`] |
/// | `503` | the database does not answer |
#[get("/?<stage>&<q>&<behind>")]
pub(super) async fn page(
    _visitor: Visitor,
    mut db: Connection<HiringDb>,
    stage: Option<&str>,
    q: Option<&str>,
    behind: Option<&str>,
) -> Result<RawHtml<String>, Failure> {
    let wanted = Wanted {
        stage: stage.and_then(Stage::from_word),
        search: q.and_then(Search::new),
        behind: behind.and_then(Place::from_word),
    };
    let page = db.transaction(async |c| Page::read(c, &wanted).await).await?;
    Ok(RawHtml(page.render()?))
}

/// The newest wanted candidates: one more than the page shows, if there are more.
struct List {
    lines: Vec<(Line, Place)>,
    /// How far back the search has come, where that is not the end.
    searched_until: Option<Timestamp>,
}

impl List {
    async fn read(c: &mut DbConnection, wanted: &Wanted) -> QueryResult<Self> {
        let behind = wanted.behind.clone().unwrap_or_else(Place::first);
        let searched_until = match (&wanted.search, wanted.stage) {
            // Without a search every row is shown: no more rows are read than the page shows.
            (None, _) => None,
            (Some(_), Some(stage)) => Application::moment_of(c, stage, &behind, SEARCHED).await?,
            (Some(_), None) => candidates::moment_of(c, &behind, SEARCHED).await?,
        };
        // The rows of one moment are searched as a whole. If they fill a search alone, the search has no end: else each
        // next page would begin at that moment again.
        let searched_until = searched_until.filter(|until| *until < behind.updated_at);
        let (until, limit) = (searched_until.unwrap_or(Timestamp::MIN), i64::try_from(SHOWN + 1).unwrap_or(i64::MAX));
        let search = wanted.search.as_ref();
        let lines = match wanted.stage {
            Some(stage) => at_stage(Application::at(c, stage, search, &behind, until, limit).await?, c).await?,
            None => of_all(candidates::behind(c, search, &behind, until, limit).await?, c).await?,
        };
        Ok(Self { lines, searched_until })
    }
}

async fn at_stage(applications: Vec<Application>, c: &mut DbConnection) -> QueryResult<Vec<(Line, Place)>> {
    let rows = candidates::of_results(c, applications.iter().map(Application::key).collect()).await?;
    let mut rows: HashMap<_, _> =
        rows.into_iter().map(|row| ((row.endpoint.clone(), row.result_id.clone()), row)).collect();
    let line = |application: Application| {
        let place = application.place();
        let row = rows.remove(&(application.endpoint, application.result_id))?;
        Some((Line::new(row, Some(application.stage)), place))
    };
    Ok(applications.into_iter().filter_map(line).collect())
}

async fn of_all(rows: Vec<CandidateRow>, c: &mut DbConnection) -> QueryResult<Vec<(Line, Place)>> {
    let keys: Keys<'_> = rows.iter().map(CandidateRow::key).collect();
    let applications = Application::of_results(c, keys).await?;
    let stages: HashMap<_, _> = applications.iter().map(|application| (application.key(), application.stage)).collect();
    let line = |row: CandidateRow| {
        let (place, stage) = (row.place(), stages.get(&row.key()).copied());
        (Line::new(row, stage), place)
    };
    Ok(rows.into_iter().map(line).collect())
}

/// The newest notices.
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

/// The choices of a stage; each keeps the search.
fn choices(wanted: &Wanted) -> Vec<Choice> {
    let to = |stage| Wanted { stage, search: wanted.search.clone(), behind: None }.link(None);
    let all = Choice { link: to(None), label: "All", is_taken: wanted.stage.is_none() };
    let stages = Stage::ALL.iter().map(|stage| Choice {
        link: to(Some(*stage)),
        label: stage.label(),
        is_taken: wanted.stage == Some(*stage),
    });
    std::iter::once(all).chain(stages).collect()
}
