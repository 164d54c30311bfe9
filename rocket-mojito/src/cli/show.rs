use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{Output, plain};
use super::rows::{AttemptDocument, DeliveryDocument, WorkDocument, cell};
use crate::{Actor, AttemptRow, Inbox, Listed};

#[derive(Args)]
pub(super) struct Show {
    /// The delivery
    #[arg(value_name = "ID")]
    delivery: i64,
    /// Print the body and the texts of errors too: personal data. The audit keeps who did so
    #[arg(long)]
    reveal: bool,
}

/// A delivery with its personal data, where that was revealed.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct ShownDocument {
    #[serde(flatten)]
    delivery: DeliveryDocument,
    attempts: Vec<AttemptDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revealed: Option<RevealedDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct RevealedDocument {
    /// The body as text. A body that is no UTF-8 has replacement characters.
    body: Option<String>,
    errors: Vec<ErrorDocument>,
    attempts: Vec<AttemptErrorDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct ErrorDocument {
    handler: String,
    error: String,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct AttemptErrorDocument {
    handler: String,
    attempt: i32,
    error: String,
}

impl Show {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let Some(listed) = inbox.show(self.delivery).await? else {
            return Err(Failure::Usage(format!("there is no delivery {}, or no more", self.delivery)));
        };
        let mut attempts = inbox.attempts(self.delivery).await?;
        // The history of each handler, in order.
        attempts.sort_by(|one, other| (&one.handler, one.id).cmp(&(&other.handler, other.id)));
        let revealed = if self.reveal {
            // The reveal is in the audit before anything is printed.
            let body = inbox.reveal(self.delivery, actor).await?;
            let body = body.map(|body| String::from_utf8_lossy(&body).into_owned());
            Some(RevealedDocument { body, errors: errors(&listed), attempts: errors_of(&attempts) })
        } else {
            None
        };
        let shown = ShownDocument {
            delivery: DeliveryDocument::new(&listed),
            attempts: attempts.iter().map(AttemptDocument::new).collect(),
            revealed,
        };
        output.answer(&shown, || lines(&shown))?;
        if !shown.delivery.work.is_empty() {
            output.note("")?;
            // A program has the work within the document.
            output.table(&WorkDocument::HEAD, &shown.delivery.work, WorkDocument::cells)?;
        }
        if !shown.attempts.is_empty() {
            output.note("")?;
            output.table(&AttemptDocument::HEAD, &shown.attempts, AttemptDocument::cells)?;
        }
        if let Some(revealed) = &shown.revealed {
            for AttemptErrorDocument { handler, attempt, error } in &revealed.attempts {
                output.note(&format!("\nattempt {attempt} of {handler}: {}", plain(error)))?;
            }
            for ErrorDocument { handler, error } in &revealed.errors {
                output.note(&format!("\nerror of {handler}: {}", plain(error)))?;
            }
            let body = revealed.body.as_deref().unwrap_or("(pruned or erased)");
            output.note(&format!("\n{}", plain(body)))?;
        }
        Ok(Exit::Done)
    }
}

fn errors(listed: &Listed) -> Vec<ErrorDocument> {
    let error = |row: &crate::WorkRow| {
        let error = row.last_error.clone()?;
        Some(ErrorDocument { handler: row.handler.clone(), error })
    };
    listed.work.iter().filter_map(error).collect()
}

fn errors_of(attempts: &[AttemptRow]) -> Vec<AttemptErrorDocument> {
    let error = |row: &AttemptRow| {
        let error = row.error.clone()?;
        Some(AttemptErrorDocument { handler: row.handler.clone(), attempt: row.attempt, error })
    };
    attempts.iter().filter_map(error).collect()
}

fn lines(shown: &ShownDocument) -> Vec<String> {
    let ShownDocument { delivery, revealed, .. } = shown;
    let body = match (delivery.has_body, revealed) {
        (false, _) => "pruned or erased",
        (true, Some(_)) => "below",
        (true, None) => "masked: --reveal prints it, and the audit keeps that",
    };
    let repeats = match &delivery.last_repeat_at {
        Some(last) => format!("{}, the last at {last}", delivery.repeats),
        None => delivery.repeats.to_string(),
    };
    let facts = [
        ("delivery", delivery.delivery.to_string()),
        ("received", delivery.received_at.clone()),
        ("endpoint", delivery.endpoint.clone()),
        ("secret", delivery.secret.clone()),
        ("event", delivery.event.to_owned()),
        ("standing", delivery.standing.to_owned()),
        ("result", cell(delivery.result.as_ref())),
        ("version", cell(delivery.version)),
        ("changes", delivery.changes.join(" ")),
        ("findings", delivery.findings()),
        ("repeats", repeats),
        ("body", body.to_owned()),
    ];
    facts.iter().map(|(name, value)| format!("{name:<9} {value}").trim_end().to_owned()).collect()
}
