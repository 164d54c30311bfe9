use std::time::Duration;

use mojito_schema::Backlog;
use rocket::get;
use rocket::http::Status;
use rocket::response::content::RawJson;
use rocket_mojito::Inbox;
use serde::Serialize;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer to a monitor: the counts of everything that is not done, and no candidate's data.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(flatten)]
    backlog: Option<Backlog>,
}

/// Tells a monitor the health of the desk.
///
/// | status | cause |
/// | --- | --- |
/// | `200`, `ok` | the store takes deliveries; the counts are its answer |
/// | `200`, `degraded` | it does, and a count needs a person: dead, quarantined or overdue |
/// | `503`, `unavailable` | it does not, or has not said so within two seconds |
#[get("/health")]
pub(super) async fn health(inbox: Inbox) -> (Status, RawJson<String>) {
    // The query has a task of its own: the wait may end, but the query must not be dropped half-way.
    let answer = tokio::spawn(async move { inbox.backlog().await.ok() });
    let backlog = tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok).flatten();
    let (status, word) = match backlog {
        Some(backlog) if backlog.discarded + backlog.quarantined + backlog.overdue > 0 => (Status::Ok, "degraded"),
        Some(_) => (Status::Ok, "ok"),
        None => (Status::ServiceUnavailable, "unavailable"),
    };
    let health = Health { status: word, backlog };
    (status, RawJson(serde_json::to_string(&health).expect("words and numbers always serialise")))
}
