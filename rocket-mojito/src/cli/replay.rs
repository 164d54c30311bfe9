use clap::Args;
use clap::builder::PossibleValuesParser;
use rocket::serde::Serialize;

use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::filters::Filters;
use super::output::Output;
use super::progress::watched;
use crate::{Actor, EventKind, Inbox};

#[derive(Args)]
pub(super) struct Replay {
    #[command(flatten)]
    filters: Filters,
    /// Everything: needed where no condition is given
    #[arg(long)]
    all: bool,
    /// Hand the deliveries to this handler, also where it came later
    #[arg(long, value_name = "NAME", conflicts_with = "to_all_handlers")]
    to_handler: Option<String>,
    /// Hand the deliveries to every handler
    #[arg(long)]
    to_all_handlers: bool,
    /// Take quarantined deliveries, whose event nobody could tell, for events of this kind
    #[arg(long, value_name = "KIND", value_parser = events())]
    as_event: Option<String>,
    /// Deliveries that are made to wait again in each second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    per_second: u32,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Plan {
    deliveries: u64,
    work: u64,
    quarantined: u64,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Done {
    work: u64,
    left_alone: u64,
    admitted: u64,
    still_quarantined: u64,
}

impl Replay {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        if self.filters.is_empty() && !self.all {
            return Err(Failure::Usage("no condition is given: give one, or `--all`".to_owned()));
        }
        let selection = self.filters.selection();
        let planned = inbox.plan(&selection).await?;
        let mut replay = crate::Replay::new(selection).per_second(self.per_second);
        let to = match &self.to_handler {
            Some(name) => {
                replay = replay.to_handler(name);
                format!("to `{name}`")
            }
            None if self.to_all_handlers => {
                replay = replay.to_all_handlers();
                "to every handler".to_owned()
            }
            None => format!("{} pieces of work", planned.work),
        };
        let kind = self.as_event.as_deref().and_then(EventKind::from_text);
        if let Some(kind) = kind {
            replay = replay.as_event(kind);
        }
        let named = kind.map_or_else(String::new, |kind| format!(", as `{kind}`"));
        let sentence = format!(
            "replay of {} deliveries ({to}; {} are in quarantine{named}), {} a second",
            planned.deliveries, planned.quarantined, self.per_second
        );
        let plan = Plan { deliveries: planned.deliveries, work: planned.work, quarantined: planned.quarantined };
        let plan = PlanDocument { action: "replay", plan };
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, planned.deliveries == 0)? {
            return Ok(exit);
        }
        let replayed = match watched(inbox, output, planned.work, inbox.start_replay(replay, actor)).await? {
            Ok(replayed) => replayed,
            Err(exit) => return Ok(exit),
        };
        let done = Done {
            work: replayed.work,
            left_alone: replayed.left_alone,
            admitted: replayed.admitted,
            still_quarantined: replayed.still_quarantined,
        };
        let exit = if done.left_alone + done.still_quarantined == 0 { Exit::Done } else { Exit::Partly };
        output.answer(&DoneDocument { action: "replay", done: &done }, || {
            vec![format!(
                "done: {} wait again, {} were left alone, {} were admitted, {} stay in quarantine",
                done.work, done.left_alone, done.admitted, done.still_quarantined
            )]
        })?;
        Ok(exit)
    }
}

/// The kinds of event that an operator can name.
fn events() -> PossibleValuesParser {
    let known = EventKind::ALL.iter().filter(|kind| **kind != EventKind::Unknown);
    PossibleValuesParser::new(known.map(|kind| kind.as_str()).collect::<Vec<_>>())
}
