use std::time::Duration;

use clap::Args;
use rocket::serde::Serialize;
use rocket::tokio;
use serde_json::Value;

use super::deliveries::say_next;
use super::exit::{Exit, Failure};
use super::filters::Paging;
use super::output::Output;
use super::rows::cell;
use crate::{ActionState, AuditRow, Inbox};

/// The interval between two looks at the actions that run.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(super) struct Audit {
    #[command(flatten)]
    paging: Paging,
    /// Then print each change of the actions that run, until none does
    #[arg(long)]
    watch: bool,
}

/// An action as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct ActionDocument {
    id: i64,
    at: String,
    actor: String,
    pub action: &'static str,
    target: Value,
    reason: Option<String>,
    state: &'static str,
    meant: Option<i64>,
    affected: i64,
}

impl ActionDocument {
    pub(super) fn new(row: AuditRow) -> Self {
        let target = serde_json::from_str(&row.target).unwrap_or_default();
        let (at, action, state) = (row.at.to_string(), row.action.as_str(), row.state.as_str());
        let AuditRow { id, actor, reason, affected, meant, .. } = row;
        Self { id, at, actor, action, target, reason, state, meant, affected }
    }

    /// How far it has come, in words.
    pub(super) fn progress(&self) -> String {
        match self.meant {
            Some(meant) => format!("{}: {} of {meant} rows", self.state, self.affected),
            None => format!("{}: {} rows", self.state, self.affected),
        }
    }

    fn is_running(&self) -> bool {
        self.state == ActionState::Running.as_str()
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.at.clone(),
            self.actor.clone(),
            self.action.to_owned(),
            self.progress(),
            self.target.to_string(),
            cell(self.reason.as_ref()),
        ]
    }
}

impl Audit {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let limit = usize::from(self.paging.limit);
        let rows = inbox.audit(self.paging.before, limit).await?;
        let documents: Vec<_> = rows.into_iter().map(ActionDocument::new).collect();
        output.rows(
            &["id", "at", "who", "action", "progress", "target", "reason"],
            &documents,
            ActionDocument::cells,
        )?;
        say_next(output, documents.last().filter(|_| documents.len() == limit).map(|row| row.id))?;
        if self.watch { watch(inbox, output, documents).await } else { Ok(Exit::Done) }
    }
}

/// Prints each change of the actions that run, until none does.
async fn watch(inbox: &Inbox, output: &Output, mut documents: Vec<ActionDocument>) -> Result<Exit, Failure> {
    loop {
        documents.retain(ActionDocument::is_running);
        if documents.is_empty() {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
        for document in &mut documents {
            let Some(row) = inbox.action(document.id).await? else { continue };
            let former = document.progress();
            *document = ActionDocument::new(row);
            if document.progress() != former {
                output.answer(document, || vec![document.cells()[..5].join("  ")])?;
            }
        }
    }
}
