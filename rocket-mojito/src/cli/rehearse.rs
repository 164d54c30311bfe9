use clap::Args;
use rocket::serde::Serialize;

use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::filters::Filters;
use super::output::Output;
use super::progress::watched;
use crate::{Actor, Answer, Inbox, Rehearsal, Rehearsed, RehearsedDelivery, TableChange};

/// Runs the handler that `--handler` names. A condition on work means its work.
#[derive(Args)]
pub(super) struct Rehearse {
    #[command(flatten)]
    filters: Filters,
    /// The most deliveries
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Deliveries that are rehearsed in each second
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    per_second: u32,
    /// Print the texts of errors too: personal data. The audit keeps who did so
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Plan {
    deliveries: u64,
}

/// One rehearsed delivery as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct RehearsedDocument {
    delivery: i64,
    handler: String,
    answer: &'static str,
    /// Why it was not rehearsed.
    reason: Option<&'static str>,
    has_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    changes: Vec<ChangeDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct ChangeDocument {
    table: String,
    inserted: u64,
    updated: u64,
    deleted: u64,
}

/// The counts of the answers.
#[derive(Default, Serialize)]
#[serde(crate = "rocket::serde")]
struct Done {
    ok: u64,
    retry: u64,
    discard: u64,
    panic: u64,
    timed_out: u64,
    not_rehearsed: u64,
    /// The delivery after which the rest of the selection begins, where the limit has cut it.
    next_after: Option<i64>,
}

impl Rehearse {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let Some(handler) = self.filters.handler() else {
            return Err(Failure::Usage("no handler is named: give `--handler NAME`".to_owned()));
        };
        let mut rehearsal = Rehearsal::new(self.filters.without_handler(), handler);
        rehearsal = rehearsal.limit(self.limit.into()).per_second(self.per_second);
        if self.reveal {
            rehearsal = rehearsal.revealing_errors();
        }
        inbox.check_rehearsable(handler).await?;
        let selected = inbox.plan(&rehearsal.selection).await?.deliveries;
        let deliveries = selected.min(self.limit.into());
        let sentence = format!(
            "rehearsal of `{handler}` on {deliveries} of {selected} deliveries, {} a second: calls to other services are \
             made in earnest",
            self.per_second
        );
        let plan = PlanDocument { action: "rehearse", plan: Plan { deliveries } };
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, deliveries == 0)? {
            return Ok(exit);
        }
        let rehearsed = match watched(inbox, output, deliveries, inbox.start_rehearsal(rehearsal, actor)).await? {
            Ok(rehearsed) => rehearsed.unwrap_or_default(),
            Err(exit) => return Ok(exit),
        };
        self.print(output, handler, &rehearsed)
    }

    fn print(&self, output: &Output, handler: &str, rehearsed: &Rehearsed) -> Result<Exit, Failure> {
        let document = |one: &RehearsedDelivery| RehearsedDocument::new(one, handler, self.reveal);
        let rows: Vec<RehearsedDocument> = rehearsed.deliveries.iter().map(document).collect();
        output.rows(&["delivery", "answer", "would change", "error"], &rows, RehearsedDocument::cells)?;
        let done = Done::new(rehearsed);
        let exit = if done.ok == rows.len() as u64 { Exit::Done } else { Exit::Partly };
        output.answer(&DoneDocument { action: "rehearse", done: &done }, || {
            let failed = done.retry + done.discard + done.panic + done.timed_out;
            let mut lines = vec![format!(
                "done: {} would succeed, {failed} would fail, {} were not rehearsed; nothing was changed",
                done.ok, done.not_rehearsed
            )];
            if done.next_after.is_some() {
                lines.push(format!("more are selected: raise `--limit {}`", self.limit));
            }
            lines
        })?;
        Ok(exit)
    }
}

impl RehearsedDocument {
    fn new(one: &RehearsedDelivery, handler: &str, is_revealed: bool) -> Self {
        let error = one.answer.error();
        let reason = match one.answer {
            Answer::NotRehearsed(reason) => Some(reason.as_str()),
            _ => None,
        };
        Self {
            delivery: one.delivery,
            handler: handler.to_owned(),
            answer: one.answer.as_str(),
            reason,
            has_error: error.is_some(),
            error: error.filter(|_| is_revealed).map(str::to_owned),
            changes: one.changes.iter().map(ChangeDocument::new).collect(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let answer = match self.reason {
            Some(reason) => format!("{}: {reason}", self.answer),
            None => self.answer.to_owned(),
        };
        let change = |change: &ChangeDocument| {
            let ChangeDocument { table, inserted, updated, deleted } = change;
            format!("{table} +{inserted} ~{updated} -{deleted}")
        };
        let changes: Vec<String> = self.changes.iter().map(change).collect();
        let error = match &self.error {
            Some(error) => error.clone(),
            None if self.has_error => "masked".to_owned(),
            None => String::new(),
        };
        vec![self.delivery.to_string(), answer, changes.join(", "), error]
    }
}

impl ChangeDocument {
    fn new(change: &TableChange) -> Self {
        let TableChange { table, inserted, updated, deleted, .. } = change;
        Self { table: table.clone(), inserted: *inserted, updated: *updated, deleted: *deleted }
    }
}

impl Done {
    fn new(rehearsed: &Rehearsed) -> Self {
        let mut done = Self { next_after: rehearsed.next_after, ..Self::default() };
        for one in &rehearsed.deliveries {
            *match one.answer {
                Answer::Ok => &mut done.ok,
                Answer::Retry { .. } => &mut done.retry,
                Answer::Discard { .. } => &mut done.discard,
                Answer::Panic { .. } => &mut done.panic,
                Answer::TimedOut => &mut done.timed_out,
                Answer::NotRehearsed(_) => &mut done.not_rehearsed,
            } += 1;
        }
        done
    }
}
