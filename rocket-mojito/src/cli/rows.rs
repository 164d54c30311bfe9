use rocket::serde::Serialize;

use crate::{AttemptRow, Finding, Listed, Timestamp, WorkRow};

/// A delivery as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct DeliveryDocument {
    pub delivery: i64,
    pub received_at: String,
    pub endpoint: String,
    pub event: &'static str,
    pub standing: &'static str,
    pub version: Option<i64>,
    pub result: Option<String>,
    pub secret: String,
    pub repeats: i64,
    pub last_repeat_at: Option<String>,
    pub has_body: bool,
    pub changes: Vec<&'static str>,
    pub findings: Vec<Finding>,
    pub dismissed_at: Option<String>,
    pub work: Vec<WorkDocument>,
}

/// The work of a handler on a delivery as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct WorkDocument {
    pub delivery: i64,
    pub handler: String,
    pub state: &'static str,
    pub attempt: i32,
    pub max_attempts: i32,
    pub due_at: Option<String>,
    pub lease_until: Option<String>,
    pub finished_at: Option<String>,
    pub dismissed_at: Option<String>,
    pub is_first: bool,
    pub has_error: bool,
    pub error_group: Option<String>,
}

/// An attempt that did not simply succeed at once, as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
pub(super) struct AttemptDocument {
    pub handler: String,
    pub attempt: i32,
    pub outcome: &'static str,
    pub started_at: Option<String>,
    pub ended_at: String,
    pub has_error: bool,
}

impl DeliveryDocument {
    pub(super) fn new(listed: &Listed) -> Self {
        Self {
            delivery: listed.delivery_id,
            received_at: listed.received_at.to_string(),
            endpoint: listed.endpoint.clone(),
            event: listed.event.as_str(),
            standing: listed.standing.as_str(),
            version: listed.version,
            result: listed.result_id.clone(),
            secret: listed.secret_id.clone(),
            repeats: listed.repeat_count,
            last_repeat_at: text(listed.last_repeat_at),
            has_body: listed.has_body,
            changes: listed.changes.iter().map(|field| field.as_str()).collect(),
            findings: listed.findings.clone(),
            dismissed_at: text(listed.dismissed_at),
            work: listed.work.iter().map(WorkDocument::new).collect(),
        }
    }

    /// The findings in a cell.
    pub(super) fn findings(&self) -> String {
        let finding = |finding: &Finding| match finding.field {
            Some(field) => format!("{}:{field}", finding.code),
            None => finding.code.to_string(),
        };
        self.findings.iter().map(finding).collect::<Vec<_>>().join(" ")
    }

    /// The states of its work in a cell.
    pub(super) fn states(&self) -> String {
        self.work.iter().map(|work| format!("{}:{}", work.handler, work.state)).collect::<Vec<_>>().join(" ")
    }
}

impl WorkDocument {
    pub(super) const HEAD: [&str; 6] = ["delivery", "handler", "state", "attempt", "due", "error"];

    pub(super) fn new(row: &WorkRow) -> Self {
        Self {
            delivery: row.delivery_id,
            handler: row.handler.clone(),
            state: row.state.as_str(),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            due_at: text(row.due_at),
            lease_until: text(row.lease_until),
            finished_at: text(row.finished_at),
            dismissed_at: text(row.dismissal()),
            is_first: row.is_first,
            has_error: row.last_error.is_some(),
            error_group: row.error_group.clone(),
        }
    }

    /// Its cells. An error's text comes from the handler, and may quote a candidate: its group stands for it.
    pub(super) fn cells(&self) -> Vec<String> {
        let due = match (&self.due_at, &self.finished_at) {
            (Some(due), _) => due.clone(),
            (None, Some(finished)) => match &self.dismissed_at {
                Some(dismissed) => format!("dismissed {dismissed}"),
                None => format!("ended {finished}"),
            },
            (None, None) if self.is_first => "at once".to_owned(),
            (None, None) => "behind another".to_owned(),
        };
        let group = self.error_group.as_deref();
        let error = group.unwrap_or(if self.has_error { "masked" } else { "" });
        let attempt = format!("{} of {}", self.attempt, self.max_attempts);
        vec![self.delivery.to_string(), self.handler.clone(), self.state.to_owned(), attempt, due, error.to_owned()]
    }
}

impl AttemptDocument {
    pub(super) const HEAD: [&str; 5] = ["handler", "attempt", "outcome", "started", "ended"];

    pub(super) fn new(row: &AttemptRow) -> Self {
        Self {
            handler: row.handler.clone(),
            attempt: row.attempt,
            outcome: row.outcome.as_str(),
            started_at: text(row.started_at),
            ended_at: row.ended_at.to_string(),
            has_error: row.error.is_some(),
        }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let (attempt, started) = (self.attempt.to_string(), cell(self.started_at.as_ref()));
        vec![self.handler.clone(), attempt, self.outcome.to_owned(), started, self.ended_at.clone()]
    }
}

pub(super) fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|moment| moment.to_string())
}

/// A cell for a value that may be missing.
pub(super) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
