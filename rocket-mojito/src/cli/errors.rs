use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::filters::Filters;
use super::output::Output;
use crate::{ErrorGroup, Inbox};

#[derive(Args)]
pub(super) struct Errors {
    #[command(flatten)]
    filters: Filters,
    /// The most groups
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// A group of errors as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct GroupDocument {
    handler: String,
    error: String,
    count: u64,
    first_received_at: String,
    last_received_at: String,
    sample: i64,
}

impl GroupDocument {
    fn new(group: ErrorGroup) -> Self {
        let (first_received_at, last_received_at) =
            (group.first_received_at.to_string(), group.last_received_at.to_string());
        let ErrorGroup { handler, error, count, sample, .. } = group;
        Self { handler, error, count, first_received_at, last_received_at, sample }
    }
}

impl Errors {
    /// Reads to the end, page by page: a count is one of all that fails and all that is dead.
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let selection = self.filters.selection();
        let mut errors = inbox.error_groups(&selection, None).await?;
        while let Some(before) = errors.next_before {
            errors.extend(inbox.error_groups(&selection, Some(before)).await?);
        }
        let (limit, all) = (usize::from(self.limit), errors.groups.len());
        let documents: Vec<_> = errors.groups.into_iter().take(limit).map(GroupDocument::new).collect();
        output.rows(
            &["count", "handler", "error", "first received", "last received", "sample"],
            &documents,
            |row| {
                vec![
                    row.count.to_string(),
                    row.handler.clone(),
                    row.error.clone(),
                    row.first_received_at.clone(),
                    row.last_received_at.clone(),
                    row.sample.to_string(),
                ]
            },
        )?;
        if all > limit {
            output.note(&format!("smaller groups: {}, see --limit", all - limit))?;
        }
        Ok(Exit::Done)
    }
}
