use askama::Template;
use diesel_async::AsyncConnection as _;
use mojito_schema::{Listed, Listing, QueryResult, WorkRow};
use rocket::form::{Form, FromForm};
use rocket::http::Header;
use rocket::response::content::RawHtml;
use rocket::response::{Redirect, Responder};
use rocket::{get, post, uri};
use rocket_db_pools::Connection;
use rocket_mojito::{Actor, Inbox, Replay, Selection, Standing, State, Timestamp};

use super::errors::Failure;
use super::{candidate, history, labels};
use crate::database::{DbConnection, HiringDb};
use crate::moment::Moment;
use crate::same_site::SameSite;
use crate::tables::candidates;
use crate::tables::keys::Keys;
use crate::visitor::Visitor;
use crate::words::words;

/// How many deliveries of each kind a page shows.
const SHOWN: usize = 50;

words! {
    /// The reason why a delivery needs a person.
    Kind {
        /// A handler has given it up.
        Dead = "dead", "Given up";
        /// A handler has failed, and will be called again.
        Failing = "failing", "Failing";
        /// It was not understood.
        Quarantined = "quarantined", "Not understood";
    }
}

impl Kind {
    fn selection(self) -> Selection {
        self.narrow(Selection::all())
    }

    /// The deliveries of this kind within a selection.
    fn narrow(self, selection: Selection) -> Selection {
        match self {
            Self::Dead => selection.state(State::Discarded),
            Self::Failing => selection.state(State::Retryable),
            Self::Quarantined => selection.standing(Standing::Quarantined),
        }
    }

    /// The meaning of this kind, and the effect of a replay.
    fn about(self) -> &'static str {
        match self {
            Self::Dead => "A handler gave these up. Mend the cause first, then replay them.",
            Self::Failing => {
                "A handler failed, and is called again by itself. A replay calls it at once, from its first attempt."
            }
            Self::Quarantined => {
                "These were kept and acknowledged, and no handler has seen them. After an upgrade a replay may understand them."
            }
        }
    }
}

words! {
    /// The outcome of a replay.
    Done {
        /// It waits for its handler again.
        Replayed = "replayed", "It waits for its handler again.";
        /// The delivery is still not understood.
        NotUnderstood = "not_understood", "It is still not understood: nothing has changed.";
        /// The delivery is not any more as the page showed it.
        Nothing = "nothing", "There was nothing to replay: it runs, is done, or is gone.";
    }
}

#[derive(Template)]
#[template(path = "attention.html")]
struct Page {
    done: Option<Done>,
    sections: Vec<Section>,
    /// Whether the page shows one kind alone.
    is_part: bool,
}

/// The deliveries of one kind.
struct Section {
    kind: Kind,
    lines: Vec<Line>,
    /// The link to the page behind this one.
    older: Option<String>,
}

/// A delivery, or the work of one handler on it.
struct Line {
    delivery_id: i64,
    event: &'static str,
    received: Moment,
    candidate: Option<Candidate>,
    handler: Option<String>,
    attempts: Option<String>,
    /// The handler's error, or the findings of a delivery that was not understood.
    causes: Vec<String>,
    /// When the work is tried again, and when it ended.
    next: Option<Moment>,
    ended: Option<Moment>,
    can_be_replayed: bool,
}

/// The candidate of a delivery, where the result has a page.
struct Candidate {
    link: String,
    name: Option<String>,
}

/// A page with forms: the browser tells where they stand.
#[derive(Responder)]
pub(super) struct Shown {
    page: RawHtml<String>,
    referrer: Header<'static>,
}

impl Section {
    async fn read(c: &mut DbConnection, kind: Kind, listing: Listing) -> QueryResult<Self> {
        let key = |listed: &Listed| Some((listed.endpoint.clone(), listed.result_id.clone()?));
        let keys: Vec<(String, String)> = listing.deliveries.iter().filter_map(key).collect();
        let keys: Keys<'_> = keys.iter().map(|(endpoint, id)| (endpoint.as_str(), id.as_str())).collect();
        let known = candidates::of_results(c, keys).await?;
        let mut lines = Vec::new();
        for listed in &listing.deliveries {
            let of_this = known.iter().find(|row| {
                row.endpoint == listed.endpoint && listed.result_id.as_deref() == Some(row.result_id.as_str())
            });
            let candidate = || {
                of_this.map(|row| Candidate {
                    link: uri!(candidate::page(&row.endpoint, Some(&row.result_id))).to_string(),
                    name: labels::name(row.candidate_name.clone()),
                })
            };
            match kind {
                Kind::Quarantined => lines.push(Line::of_quarantine(listed, candidate())),
                _ => lines.extend(listed.work.iter().map(|work| Line::of_work(listed, work, candidate()))),
            }
        }
        let older = listing.next_before.map(|before| uri!(page(Some(kind.as_str()), Some(before), _)).to_string());
        Ok(Self { kind, lines, older })
    }
}

impl Line {
    fn of_work(listed: &Listed, work: &WorkRow, candidate: Option<Candidate>) -> Self {
        Self {
            delivery_id: listed.delivery_id,
            event: labels::event(listed.event),
            received: Moment(listed.received_at),
            candidate,
            handler: Some(work.handler.clone()),
            attempts: Some(format!("{} of {}", work.attempt, work.max_attempts)),
            causes: work.last_error.iter().cloned().collect(),
            next: work.due_at.filter(|due| *due > Timestamp::now()).map(Moment),
            ended: work.finished_at.map(Moment),
            can_be_replayed: listed.has_body,
        }
    }

    fn of_quarantine(listed: &Listed, candidate: Option<Candidate>) -> Self {
        Self {
            delivery_id: listed.delivery_id,
            event: labels::event(listed.event),
            received: Moment(listed.received_at),
            candidate,
            handler: None,
            attempts: None,
            causes: listed.findings.iter().copied().map(history::finding).collect(),
            next: None,
            ended: None,
            can_be_replayed: listed.has_body,
        }
    }
}

/// The page of deliveries that need a person: dead, failing and quarantined ones, or one kind before a delivery. An
/// unknown kind shows all.
///
/// | status | cause |
/// | --- | --- |
/// | `200` | the page |
/// | `401`, `421` | see [`Visitor`] |
/// | `503` | the database does not answer |
#[get("/attention?<kind>&<before>&<done>")]
pub(super) async fn page(
    _visitor: Visitor,
    inbox: Inbox,
    mut db: Connection<HiringDb>,
    kind: Option<&str>,
    before: Option<i64>,
    done: Option<&str>,
) -> Result<Shown, Failure> {
    let kind = kind.and_then(Kind::from_word);
    let mut sections = Vec::new();
    for wanted in Kind::ALL.iter().copied().filter(|one| kind.is_none_or(|kind| kind == *one)) {
        let listing = inbox.list(&wanted.selection(), before.filter(|_| kind.is_some()), SHOWN).await?;
        sections.push(db.transaction(async |c| Section::read(c, wanted, listing).await).await?);
    }
    let page = Page { done: done.and_then(Done::from_word), sections, is_part: kind.is_some() };
    Ok(Shown { page: RawHtml(page.render()?), referrer: Header::new("Referrer-Policy", "same-origin") })
}

/// The form of a replay: the delivery, and the handler that gets it.
#[derive(FromForm)]
pub(super) struct Wanted {
    delivery: i64,
    kind: String,
    handler: Option<String>,
}

/// Replays one delivery, as far as it is still as the page has shown it.
///
/// | status | cause |
/// | --- | --- |
/// | `303` | back to the page, which tells the outcome |
/// | `401`, `421` | see [`Visitor`] |
/// | `403` | see [`SameSite`] |
/// | `422` | the form is none of the page's |
/// | `503` | the database does not answer |
#[post("/attention/replay", data = "<wanted>")]
pub(super) async fn replay(
    _visitor: Visitor,
    _same_site: SameSite,
    inbox: Inbox,
    wanted: Form<Wanted>,
) -> Result<Redirect, Failure> {
    let wanted = wanted.into_inner();
    let back = |done: Done| Ok(Redirect::to(uri!(page(_, _, Some(done.as_str())))));
    let Some(kind) = Kind::from_word(&wanted.kind) else { return back(Done::Nothing) };
    let mut selection = kind.narrow(Selection::delivery(wanted.delivery));
    if let Some(handler) = wanted.handler.filter(|_| kind != Kind::Quarantined) {
        selection = selection.handler(handler);
    }
    let actor = Actor::new("desk").because("replayed on the page of the desk");
    match inbox.replay(Replay::new(selection), actor).await {
        Ok(replayed) if replayed.work + replayed.admitted > 0 => back(Done::Replayed),
        Ok(replayed) if replayed.still_quarantined > 0 => back(Done::NotUnderstood),
        Ok(_) => back(Done::Nothing),
        Err(error) if error.is_unavailable() => Err(error.into()),
        // The form names an unknown handler.
        Err(_) => back(Done::Nothing),
    }
}
