use clap::Args;

use super::exit::{Exit, Failure};
use super::filters::{Filters, Paging};
use super::output::Output;
use super::rows::{DeliveryDocument, cell};
use crate::{Inbox, Listed, Selection};

#[derive(Args)]
pub(super) struct Deliveries {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    paging: Paging,
}

impl Deliveries {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let (listed, next) = page(inbox, &self.filters.selection(), &self.paging).await?;
        let documents: Vec<_> = listed.iter().map(DeliveryDocument::new).collect();
        let head = ["delivery", "received", "endpoint", "event", "standing", "version", "result", "work", "findings"];
        output.rows(&head, &documents, |row| {
            vec![
                row.delivery.to_string(),
                row.received_at.clone(),
                row.endpoint.clone(),
                row.event.to_owned(),
                row.standing.to_owned(),
                cell(row.version),
                cell(row.result.as_ref()),
                row.states(),
                row.findings(),
            ]
        })?;
        say_next(output, next)?;
        Ok(Exit::Done)
    }
}

/// A page of a list. Where no index leads to the selected rows, a page of the library may hold few of them, or none.
pub(super) async fn page(
    inbox: &Inbox,
    selection: &Selection,
    paging: &Paging,
) -> Result<(Vec<Listed>, Option<i64>), Failure> {
    let (limit, mut before, mut listed) = (usize::from(paging.limit), paging.before, Vec::new());
    loop {
        let page = inbox.list(selection, before, limit - listed.len()).await?;
        listed.extend(page.deliveries);
        before = page.next_before;
        if before.is_none() || listed.len() >= limit {
            return Ok((listed, before));
        }
    }
}

/// Says how the next page is asked for.
pub(super) fn say_next(output: &Output, next: Option<i64>) -> Result<(), Failure> {
    match next {
        Some(id) => output.note(&format!("more: --before {id}")),
        None => Ok(()),
    }
}
