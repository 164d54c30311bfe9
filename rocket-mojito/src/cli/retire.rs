use clap::Args;

use super::consent::{Consent, DoneDocument, PlanDocument, WorkCount};
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::{Actor, Inbox};

#[derive(Args)]
pub(super) struct Retire {
    /// The handler's name
    #[arg(value_name = "HANDLER")]
    handler: String,
    #[command(flatten)]
    consent: Consent,
}

impl Retire {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let handlers = inbox.handlers().await?;
        let Some(known) = handlers.iter().find(|known| known.name == self.handler) else {
            let names: Vec<&str> = handlers.iter().map(|known| known.name.as_str()).collect();
            let there = names.join("`, `");
            return Err(Failure::Usage(format!("there is no handler `{}`: there is `{there}`", self.handler)));
        };
        let work = known.waiting.unsigned_abs();
        let plan = PlanDocument { action: "retire", plan: WorkCount { work } };
        let sentence = format!("retirement of `{}`, and discard of its {work} pieces of waiting work", self.handler);
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, false)? {
            return Ok(exit);
        }
        let work = inbox.retire_handler(&self.handler, actor).await?;
        output.answer(&DoneDocument { action: "retire", done: WorkCount { work } }, || {
            vec![format!("done: retired, {work} pieces of work were discarded")]
        })?;
        Ok(Exit::Done)
    }
}
