use clap::Args;

use super::audit::ActionDocument;
use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::{ActionState, Inbox};

#[derive(Args)]
pub(super) struct Cancel {
    /// The action, by its id in the audit
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    consent: Consent,
}

impl Cancel {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let unknown = || Failure::Usage(format!("there is no action {}: `audit` lists them", self.id));
        let row = inbox.action(self.id).await?.ok_or_else(unknown)?;
        let is_running = row.state == ActionState::Running;
        let plan = ActionDocument::new(row);
        let sentence = format!("cancellation of the {} {}, which is {}", plan.action, self.id, plan.progress());
        let plan = PlanDocument { action: "cancel", plan };
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, !is_running)? {
            return Ok(exit);
        }
        let is_cancelled = inbox.cancel(self.id).await?;
        let done = ActionDocument::new(inbox.action(self.id).await?.ok_or_else(unknown)?);
        let line = format!("the {} {} is {}", done.action, self.id, done.progress());
        output.answer(&DoneDocument { action: "cancel", done }, || vec![format!("done: {line}")])?;
        Ok(if is_cancelled { Exit::Done } else { Exit::Partly })
    }
}
