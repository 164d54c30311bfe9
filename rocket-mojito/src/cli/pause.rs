use clap::{Args, Subcommand};
use rocket::serde::Serialize;

use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::rows::text;
use crate::{Actor, Inbox, PauseKind};

#[derive(Args)]
pub(super) struct Pause {
    #[command(subcommand)]
    what: What,
}

#[derive(Args)]
pub(super) struct Resume {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// An endpoint: its deliveries are answered 503 while it is paused, so that the sender keeps them
    Endpoint(Named),
    /// A handler: nothing is claimed for it while it is paused
    Handler(Named),
}

#[derive(Args)]
struct Named {
    /// The name
    // The operator's name has the id `name`, and is an argument of every command.
    #[arg(id = "paused", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    consent: Consent,
}

/// An endpoint or a handler as a document.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct NamedDocument<'n> {
    kind: &'static str,
    name: &'n str,
}

/// A pause as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct PauseDocument {
    kind: &'static str,
    name: String,
    since: Option<String>,
    actor: Option<String>,
    reason: Option<String>,
    setting: Option<String>,
}

impl PauseDocument {
    pub(super) fn new(pause: crate::Pause) -> Self {
        let crate::Pause { kind, name, since, actor, reason, setting } = pause;
        Self { kind: kind.as_str(), name, since: text(since), actor, reason, setting }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let by_setting = self.setting.as_ref().map(|setting| format!("`{setting}`"));
        let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let who = cell(&self.actor.clone().or(by_setting));
        vec![self.kind.to_owned(), self.name.clone(), cell(&self.since), who, cell(&self.reason)]
    }
}

impl What {
    fn parts(self) -> (PauseKind, String, Consent) {
        match self {
            Self::Endpoint(Named { name, consent }) => (PauseKind::Endpoint, name, consent),
            Self::Handler(Named { name, consent }) => (PauseKind::Handler, name, consent),
        }
    }
}

impl Pause {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let (kind, name, consent) = self.what.parts();
        let document = NamedDocument { kind: kind.as_str(), name: &name };
        let sentence = match kind {
            PauseKind::Endpoint => {
                format!("the deliveries of the endpoint `{name}` are answered 503, in every process")
            }
            PauseKind::Handler => format!("nothing is claimed for the handler `{name}`, in any process"),
        };
        let plan = PlanDocument { action: "pause", plan: &document };
        if let Some(exit) = consent.ask(output, &plan, &sentence, false)? {
            return Ok(exit);
        }
        let is_new = inbox.pause(kind, &name, actor).await?;
        output.answer(&DoneDocument { action: "pause", done: &document }, || {
            let done = if is_new { "it is paused within two seconds" } else { "it was paused before, and still is" };
            vec![format!("done: {done}")]
        })?;
        Ok(Exit::Done)
    }
}

impl Resume {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let (kind, name, consent) = self.what.parts();
        let document = NamedDocument { kind: kind.as_str(), name: &name };
        let pauses = inbox.pauses().await?;
        let pause = pauses.iter().find(|pause| pause.kind == kind && pause.name == name);
        let since = pause.and_then(|pause| pause.since);
        let since = since.map(|since| format!(", paused since {since},")).unwrap_or_default();
        let sentence = format!("the {kind} `{name}`{since} is resumed in every process");
        let plan = PlanDocument { action: "resume", plan: &document };
        if let Some(exit) = consent.ask(output, &plan, &sentence, false)? {
            return Ok(exit);
        }
        let was_paused = inbox.resume(kind, &name, actor).await?;
        output.answer(&DoneDocument { action: "resume", done: &document }, || {
            let done = if was_paused { "it is resumed within two seconds" } else { "it was not paused" };
            vec![format!("done: {done}")]
        })?;
        Ok(Exit::Done)
    }
}
