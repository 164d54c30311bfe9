use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::pause::PauseDocument;
use super::rows::{cell, text};
use crate::{Inbox, KnownHandler};

#[derive(Args)]
pub(super) struct Status {}

/// The state of everything as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct StatusDocument {
    waiting: i64,
    overdue: i64,
    unattached: i64,
    running: i64,
    discarded: i64,
    quarantined: i64,
    oldest_due: Option<String>,
    last_received: Option<String>,
    handlers: Vec<HandlerDocument>,
    pauses: Vec<PauseDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct HandlerDocument {
    name: String,
    is_attached: bool,
    waiting: i64,
    last_seen: String,
    retired_at: Option<String>,
}

impl HandlerDocument {
    fn new(handler: KnownHandler) -> Self {
        Self {
            name: handler.name,
            is_attached: handler.is_attached,
            waiting: handler.waiting,
            last_seen: handler.last_seen.to_string(),
            retired_at: text(handler.retired_at),
        }
    }

    fn place(&self) -> &'static str {
        match (&self.retired_at, self.is_attached) {
            (Some(_), _) => "retired",
            (None, true) => "attached",
            (None, false) => "gone",
        }
    }
}

impl Status {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let (backlog, overview) = (inbox.backlog().await?, inbox.overview().await?);
        let handlers = inbox.handlers().await?.into_iter().map(HandlerDocument::new).collect();
        let status = StatusDocument {
            waiting: backlog.waiting,
            overdue: backlog.overdue,
            unattached: backlog.unattached,
            running: backlog.running,
            discarded: backlog.discarded,
            quarantined: backlog.quarantined,
            oldest_due: text(overview.oldest_due),
            last_received: text(overview.last_received),
            handlers,
            pauses: inbox.pauses().await?.into_iter().map(PauseDocument::new).collect(),
        };
        output.answer(&status, || lines(&status, output))?;
        if !status.handlers.is_empty() {
            output.note("")?;
            output.table(&["handler", "place", "waiting", "last seen"], &status.handlers, |handler| {
                let (place, waiting) = (handler.place().to_owned(), handler.waiting.to_string());
                vec![handler.name.clone(), place, waiting, handler.last_seen.clone()]
            })?;
        }
        if !status.pauses.is_empty() {
            output.note("")?;
            output.table(&["paused", "name", "since", "who", "why"], &status.pauses, PauseDocument::cells)?;
        }
        Ok(Exit::Done)
    }
}

fn lines(status: &StatusDocument, output: &Output) -> Vec<String> {
    let count = |count: i64, colour: u8| {
        let text = count.to_string();
        if count == 0 { text } else { output.painted(&text, colour) }
    };
    vec![
        format!("waiting       {}", status.waiting),
        format!("running       {}", status.running),
        format!("overdue       {}", count(status.overdue, 33)),
        format!("unattached    {}", count(status.unattached, 33)),
        format!("dead          {}", count(status.discarded, 31)),
        format!("quarantined   {}", count(status.quarantined, 31)),
        format!("oldest due    {}", cell(status.oldest_due.as_ref())),
        format!("last received {}", cell(status.last_received.as_ref())),
    ]
}
