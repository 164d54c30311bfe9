use std::path::PathBuf;

use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::{Difference, Drift as Compared, Error, Inbox};

#[derive(Args)]
pub(super) struct Drift {
    /// A newer OpenAPI document of the vendor; without it the stored bodies are compared
    #[arg(value_name = "FILE")]
    document: Option<PathBuf>,
    /// Compare the bodies of so many of the newest deliveries
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, conflicts_with = "document")]
    newest: u32,
}

/// A difference as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct DifferenceDocument {
    kind: &'static str,
    key: String,
    found: String,
    count: u64,
}

impl DifferenceDocument {
    fn new(difference: Difference) -> Self {
        let Difference { kind, key, found, count } = difference;
        Self { kind: kind.as_str(), key, found, count }
    }

    fn cells(&self) -> Vec<String> {
        vec![self.kind.to_owned(), self.key.clone(), self.found.clone(), self.count.to_string()]
    }
}

impl Drift {
    /// Exits with 1 where there is a difference.
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let (drift, compared) = match &self.document {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| Error::config(format!("`{}`: {error}", file.display())))?;
                (Compared::of_document(&text)?, "the document".to_owned())
            }
            None => {
                let drift = inbox.drift(self.newest).await?;
                let compared = format!("{} bodies", drift.bodies);
                (drift, compared)
            }
        };
        let rows: Vec<DifferenceDocument> = drift.differences.into_iter().map(DifferenceDocument::new).collect();
        output.rows(&["differs in", "key", "found", "count"], &rows, DifferenceDocument::cells)?;
        if rows.is_empty() {
            output.note(&format!("{compared}: no difference"))?;
        }
        Ok(if rows.is_empty() { Exit::Done } else { Exit::Partly })
    }
}
