use clap::Args;

use super::consent::{Consent, DoneDocument, PlanDocument, WorkCount};
use super::exit::{Exit, Failure};
use super::filters::Filters;
use super::output::Output;
use super::progress::watched;
use crate::{Actor, Inbox, State};

#[derive(Args)]
pub(super) struct Discard {
    #[command(flatten)]
    filters: Filters,
    /// Everything: needed where no condition is given
    #[arg(long)]
    all: bool,
    /// Deliveries whose work is given up in each second
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    per_second: u32,
    #[command(flatten)]
    consent: Consent,
}

impl Discard {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        if self.filters.is_empty() && !self.all {
            return Err(Failure::Usage("no condition is given: give one, or `--all`".to_owned()));
        }
        let selection = self.filters.selection();
        let waits = [State::Pending, State::Retryable];
        let mut work = 0;
        for state in waits.into_iter().filter(|state| self.filters.state().is_none_or(|asked| asked == *state)) {
            work += inbox.plan(&selection.clone().state(state)).await?.work;
        }
        let plan = PlanDocument { action: "discard", plan: WorkCount { work } };
        let sentence = format!("discard of {work} pieces of work that wait: only a replay brings them back");
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, work == 0)? {
            return Ok(exit);
        }
        let discard = crate::Discard::new(selection).per_second(self.per_second);
        let work = match watched(inbox, output, work, inbox.start_discard(discard, actor)).await? {
            Ok(work) => work,
            Err(exit) => return Ok(exit),
        };
        output.answer(&DoneDocument { action: "discard", done: WorkCount { work } }, || {
            vec![format!("done: {work} were discarded")]
        })?;
        Ok(Exit::Done)
    }
}
