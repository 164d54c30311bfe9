use clap::Args;

use super::deliveries::{page, say_next};
use super::exit::{Exit, Failure};
use super::filters::{Filters, Paging};
use super::output::Output;
use super::rows::WorkDocument;
use crate::Inbox;

#[derive(Args)]
pub(super) struct Work {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    paging: Paging,
}

impl Work {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let (listed, next) = page(inbox, &self.filters.selection(), &self.paging).await?;
        let documents: Vec<_> = listed.iter().flat_map(|listed| &listed.work).map(WorkDocument::new).collect();
        output.rows(&WorkDocument::HEAD, &documents, WorkDocument::cells)?;
        say_next(output, next)?;
        Ok(Exit::Done)
    }
}
