use clap::Args;
use rocket::serde::Serialize;

use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::filters::Filters;
use super::output::Output;
use super::progress::watched;
use crate::{Actor, Dismissal, Dismissed, Inbox};

#[derive(Args)]
pub(super) struct Dismiss {
    #[command(flatten)]
    filters: Filters,
    /// Everything: needed where no condition is given
    #[arg(long)]
    all: bool,
    /// Deliveries that are dismissed in each second
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    per_second: u32,
    #[command(flatten)]
    consent: Consent,
}

/// The counts of a dismissal as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Counts {
    work: u64,
    quarantined: u64,
}

impl Counts {
    fn new(Dismissed { work, quarantined, .. }: Dismissed) -> Self {
        Self { work, quarantined }
    }
}

impl Dismiss {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        if self.filters.is_empty() && !self.all {
            return Err(Failure::Usage("no condition is given: give one, or `--all`".to_owned()));
        }
        let selection = self.filters.selection();
        let plan = Counts::new(inbox.count_undismissed(&selection).await?);
        let (work, rows) = (plan.work, plan.work + plan.quarantined);
        let sentence = format!(
            "dismissal of {work} pieces of dead work and {} deliveries in quarantine: only a replay brings them back",
            plan.quarantined
        );
        let plan = PlanDocument { action: "dismiss", plan };
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, rows == 0)? {
            return Ok(exit);
        }
        let dismissal = Dismissal::new(selection).per_second(self.per_second);
        let done = match watched(inbox, output, rows, inbox.start_dismissal(dismissal, actor)).await? {
            Ok(dismissed) => Counts::new(dismissed),
            Err(exit) => return Ok(exit),
        };
        output.answer(&DoneDocument { action: "dismiss", done: &done }, || {
            let Counts { work, quarantined } = done;
            vec![format!("done: {work} pieces of work and {quarantined} deliveries were dismissed")]
        })?;
        Ok(Exit::Done)
    }
}
