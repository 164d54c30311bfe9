//! A body that is not understood is kept, acknowledged and named; a flaw that can be lived with is a finding or
//! nothing.

mod identity;
mod numbers;
mod reasons;

use mojito_schema::{DeliveryRow, ResultRow};
use serde_json::{Value, json};

use crate::harness::Host;

/// Posts a body that must be acknowledged, and gives back its row.
async fn keep(host: &Host, event: &str, body: &[u8]) -> DeliveryRow {
    let answer = host.post(event, body).await;
    assert_eq!(answer.status, 200, "{}: {answer:?}", shown(body));
    let delivery = host.database.delivery(answer.delivery());
    assert_eq!(delivery.body.as_deref(), Some(body), "the raw bytes: {}", shown(body));
    delivery
}

/// The state of a result.
fn result(host: &Host, id: &str) -> ResultRow {
    host.database.results().into_iter().find(|row| row.id == id).unwrap()
}

fn findings(delivery: &DeliveryRow) -> Value {
    json!(delivery.findings.0)
}

/// One finding, as the column holds it.
fn finding(code: &str, field: Option<&str>) -> Value {
    json!([{ "code": code, "field": field }])
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned()
}
