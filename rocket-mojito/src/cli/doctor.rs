use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::{Check, Inbox, Verdict};

#[derive(Args)]
pub(super) struct Doctor {}

/// A promise as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct CheckDocument<'c> {
    promise: &'c str,
    verdict: &'static str,
    finding: &'c str,
}

impl Doctor {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let checks = inbox.check().await?;
        for check in &checks {
            let Check { promise, verdict, finding } = check;
            let document = CheckDocument { promise, verdict: verdict.as_str(), finding };
            output.answer(&document, || vec![line(check, output)])?;
        }
        Ok(match checks.iter().map(|check| check.verdict).max() {
            None | Some(Verdict::Fine) => Exit::Done,
            Some(Verdict::Warning) => Exit::Partly,
            Some(Verdict::Broken) => Exit::Broken,
        })
    }
}

fn line(check: &Check, output: &Output) -> String {
    let colour = match check.verdict {
        Verdict::Fine => 32,
        Verdict::Warning => 33,
        Verdict::Broken => 31,
    };
    let verdict = output.painted(&format!("{:<8}", check.verdict.as_str()), colour);
    format!("{verdict} {:<10} {}", check.promise, check.finding)
}
