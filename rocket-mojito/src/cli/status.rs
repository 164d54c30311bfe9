use std::time::Duration;

use clap::Args;
use rocket::serde::Serialize;
use rocket::tokio;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::pause::PauseDocument;
use super::rows::{cell, text};
use crate::{EndpointState, Inbox, KnownHandler, SecretState, Timestamp};

#[derive(Args)]
pub(super) struct Status {
    /// Go on until Ctrl-C, which exits with 3: redraw a terminal, print a line elsewhere
    #[arg(long)]
    watch: bool,
    /// The seconds from one look to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 2, requires = "watch",
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

/// The state of everything as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct StatusDocument {
    at: String,
    waiting: i64,
    overdue: i64,
    unattached: i64,
    running: i64,
    discarded: i64,
    quarantined: i64,
    oldest_due: Option<String>,
    last_received: Option<String>,
    endpoints: Vec<EndpointDocument>,
    handlers: Vec<HandlerDocument>,
    pauses: Vec<PauseDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct EndpointDocument {
    name: String,
    waiting: u64,
    oldest_waiting: Option<String>,
    quarantined: u64,
    is_cut: bool,
    last_received: Option<String>,
    secrets: Vec<SecretDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct SecretDocument {
    id: String,
    last_used_at: Option<String>,
    is_configured: Option<bool>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct HandlerDocument {
    name: String,
    is_attached: bool,
    waiting: i64,
    running: i64,
    discarded: i64,
    oldest_due: Option<String>,
    last_seen: String,
    retired_at: Option<String>,
}

impl StatusDocument {
    async fn read(inbox: &Inbox) -> Result<Self, Failure> {
        let (backlog, overview) = (inbox.backlog().await?, inbox.overview().await?);
        Ok(Self {
            at: Timestamp::now().to_string(),
            waiting: backlog.waiting,
            overdue: backlog.overdue,
            unattached: backlog.unattached,
            running: backlog.running,
            discarded: backlog.discarded,
            quarantined: backlog.quarantined,
            oldest_due: text(overview.oldest_due),
            last_received: text(overview.last_received),
            endpoints: inbox.endpoints().await?.into_iter().map(EndpointDocument::new).collect(),
            handlers: inbox.handlers().await?.into_iter().map(HandlerDocument::new).collect(),
            pauses: inbox.pauses().await?.into_iter().map(PauseDocument::new).collect(),
        })
    }

    /// The counts, each with its name, and its colour where it is not zero.
    fn counts(&self) -> [(&'static str, i64, u8); 6] {
        [
            ("waiting", self.waiting, 0),
            ("running", self.running, 0),
            ("overdue", self.overdue, 33),
            ("unattached", self.unattached, 33),
            ("dead", self.discarded, 31),
            ("quarantined", self.quarantined, 31),
        ]
    }

    fn moments(&self) -> [(&'static str, String); 2] {
        [("oldest due", cell(self.oldest_due.as_ref())), ("last received", cell(self.last_received.as_ref()))]
    }

    /// The screen.
    fn lines(&self, output: &Output) -> Vec<String> {
        let count = |(name, count, colour): (&str, i64, u8)| {
            let text = count.to_string();
            let text = if count == 0 || colour == 0 { text } else { output.painted(&text, colour) };
            format!("{name:<13} {text}")
        };
        let moments = self.moments().into_iter().map(|(name, moment)| format!("{name:<13} {moment}"));
        self.counts().into_iter().map(count).chain(moments).collect()
    }

    /// The same as one line of a log.
    fn line(&self) -> String {
        let counts = self.counts().into_iter().map(|(name, count, _)| format!("{name} {count}"));
        let moments = self.moments().into_iter().map(|(name, moment)| format!("{name} {moment}"));
        format!("{}: {}", self.at, counts.chain(moments).collect::<Vec<_>>().join(", "))
    }
}

impl EndpointDocument {
    fn new(endpoint: EndpointState) -> Self {
        let EndpointState { name, waiting, oldest_waiting, quarantined, is_cut, last_received, secrets, .. } = endpoint;
        Self {
            name,
            waiting,
            oldest_waiting: text(oldest_waiting),
            quarantined,
            is_cut,
            last_received: text(last_received),
            secrets: secrets.into_iter().map(SecretDocument::new).collect(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let least = if self.is_cut { "+" } else { "" };
        let used = |secret: &SecretDocument| match &secret.last_used_at {
            Some(at) => format!("{} {at}", secret.id),
            None => format!("{} never", secret.id),
        };
        vec![
            self.name.clone(),
            format!("{}{least}", self.waiting),
            cell(self.oldest_waiting.as_ref()),
            format!("{}{least}", self.quarantined),
            cell(self.last_received.as_ref()),
            self.secrets.iter().map(used).collect::<Vec<_>>().join(", "),
        ]
    }
}

impl SecretDocument {
    fn new(secret: SecretState) -> Self {
        Self { id: secret.id, last_used_at: text(secret.last_used_at), is_configured: secret.is_configured }
    }
}

impl HandlerDocument {
    fn new(handler: KnownHandler) -> Self {
        Self {
            name: handler.name,
            is_attached: handler.is_attached,
            waiting: handler.waiting,
            running: handler.running,
            discarded: handler.discarded,
            oldest_due: text(handler.oldest_due),
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

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.place().to_owned(),
            self.waiting.to_string(),
            self.running.to_string(),
            self.discarded.to_string(),
            cell(self.oldest_due.as_ref()),
            self.last_seen.clone(),
        ]
    }
}

impl Status {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        if !self.watch {
            print(&StatusDocument::read(inbox).await?, output)?;
            return Ok(Exit::Done);
        }
        let mut looks = tokio::time::interval(Duration::from_secs(self.every));
        // One future for all looks: a signal between two of them is not lost.
        let mut stopped = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let look = async {
                looks.tick().await;
                StatusDocument::read(inbox).await
            };
            let status = tokio::select! {
                _ = &mut stopped => return Ok(Exit::Cancelled),
                status = look => status?,
            };
            if output.is_screen() {
                output.clear()?;
                print(&status, output)?;
            } else {
                output.answer(&status, || vec![status.line()])?;
            }
        }
    }
}

fn print(status: &StatusDocument, output: &Output) -> Result<(), Failure> {
    output.answer(status, || status.lines(output))?;
    if !status.endpoints.is_empty() {
        output.note("")?;
        let head = ["endpoint", "waiting", "oldest", "quarantined", "last received", "secrets, last used"];
        output.table(&head, &status.endpoints, EndpointDocument::cells)?;
    }
    if !status.handlers.is_empty() {
        output.note("")?;
        let head = ["handler", "place", "waiting", "running", "dead", "oldest due", "last seen"];
        output.table(&head, &status.handlers, HandlerDocument::cells)?;
    }
    if !status.pauses.is_empty() {
        output.note("")?;
        output.table(&["paused", "name", "since", "who", "why"], &status.pauses, PauseDocument::cells)?;
    }
    Ok(())
}
