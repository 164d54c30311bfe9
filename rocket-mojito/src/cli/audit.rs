use clap::Args;
use rocket::serde::Serialize;
use serde_json::Value;

use super::deliveries::say_next;
use super::exit::{Exit, Failure};
use super::filters::Paging;
use super::output::Output;
use super::rows::cell;
use crate::{AuditRow, Inbox};

#[derive(Args)]
pub(super) struct Audit {
    #[command(flatten)]
    paging: Paging,
}

/// An action as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct ActionDocument {
    id: i64,
    at: String,
    actor: String,
    action: &'static str,
    target: Value,
    reason: Option<String>,
    affected: i64,
}

impl ActionDocument {
    fn new(row: AuditRow) -> Self {
        let target = serde_json::from_str(&row.target).unwrap_or_default();
        let AuditRow { id, actor, reason, affected, .. } = row;
        Self { id, at: row.at.to_string(), actor, action: row.action.as_str(), target, reason, affected }
    }
}

impl Audit {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let limit = usize::from(self.paging.limit);
        let rows = inbox.audit(self.paging.before, limit).await?;
        let documents: Vec<_> = rows.into_iter().map(ActionDocument::new).collect();
        output.rows(&["id", "at", "who", "action", "affected", "target", "reason"], &documents, |row| {
            vec![
                row.id.to_string(),
                row.at.clone(),
                row.actor.clone(),
                row.action.to_owned(),
                row.affected.to_string(),
                row.target.to_string(),
                cell(row.reason.as_ref()),
            ]
        })?;
        say_next(output, documents.last().filter(|_| documents.len() == limit).map(|row| row.id))?;
        Ok(Exit::Done)
    }
}
