use clap::Args;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::rows::{DeliveryDocument, cell};
use crate::Inbox;

#[derive(Args)]
pub(super) struct History {
    /// The vendor's id of the interview result
    #[arg(value_name = "RESULT")]
    result: String,
    /// On this endpoint alone
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
}

impl History {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let listed = inbox.history(self.endpoint.as_deref(), &self.result).await?;
        let documents: Vec<_> = listed.iter().map(DeliveryDocument::new).collect();
        output.rows(
            &["delivery", "received", "event", "standing", "version", "repeats", "changes", "work"],
            &documents,
            |row| {
                vec![
                    row.delivery.to_string(),
                    row.received_at.clone(),
                    row.event.to_owned(),
                    row.standing.to_owned(),
                    cell(row.version),
                    row.repeats.to_string(),
                    row.changes.join(" "),
                    row.states(),
                ]
            },
        )?;
        // The line of each handler: its first unfinished work, and the deliveries behind it.
        let waiting = documents.iter().flat_map(|row| &row.work).filter(|work| work.finished_at.is_none());
        let mut waiting: Vec<_> = waiting.map(|work| (&work.handler, work.delivery, work.is_first)).collect();
        waiting.sort_by_key(|(handler, delivery, _)| ((*handler).clone(), *delivery));
        for (handler, delivery, is_first) in waiting {
            let place = if is_first { "is next" } else { "waits behind it" };
            output.note(&format!("{handler}: {delivery} {place}"))?;
        }
        Ok(Exit::Done)
    }
}
