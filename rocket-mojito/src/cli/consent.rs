use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;

/// Whether a planned change is to be made.
#[derive(Args)]
pub(super) struct Consent {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print the plan, and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// A plan as a document: how many of what an action would concern.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct PlanDocument<'p, C: Serialize> {
    pub action: &'p str,
    pub plan: C,
}

/// An outcome as a document.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct DoneDocument<'p, C: Serialize> {
    pub action: &'p str,
    pub done: C,
}

/// The one count of a change that concerns work alone.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct WorkCount {
    pub work: u64,
}

impl Consent {
    /// Prints the plan, then asks. `Some` is the end: the plan was all that was asked for, is empty, or was declined.
    pub(super) fn ask<C: Serialize>(
        &self,
        output: &Output,
        document: &PlanDocument<'_, C>,
        sentence: &str,
        is_empty: bool,
    ) -> Result<Option<Exit>, Failure> {
        output.answer(document, || vec![format!("plan: {sentence}")])?;
        if self.dry_run {
            return Ok(Some(Exit::Done));
        }
        if is_empty {
            output.note("nothing to do")?;
            return Ok(Some(Exit::Done));
        }
        if self.yes {
            return Ok(None);
        }
        if !output.has_person() {
            return Err(Failure::Usage("without a terminal the plan wants `--yes`, or `--dry-run`".to_owned()));
        }
        if output.ask("go on?")? {
            return Ok(None);
        }
        output.note("cancelled")?;
        Ok(Some(Exit::Cancelled))
    }
}
