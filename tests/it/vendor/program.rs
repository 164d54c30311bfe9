use std::collections::BTreeMap;

use rocket::{post, routes};
use rocket_mojito::{Field, MojitoEvent, Presence, Rejection};
use serde_json::{Value, json};

use super::contract::{Contract, Property};
use crate::harness::{AUTH, Host};

/// The fields that the document lets be absent: only "when a candidate is linked", or deprecated elsewhere. That the
/// others are always there is relied on nowhere: [`contract`] checks that each but `id` may be absent.
const OPTIONAL: [&str; 6] = [
    "candidate_external_id",
    "candidate_name",
    "candidate_email",
    "candidate_phone_number",
    "ai_analysis_recruiter_why_hire",
    "ai_analysis_recruiter_why_not_hire",
];

/// Columns of the result table that are ours, not the vendor's.
const OUR_COLUMNS: [&str; 10] = [
    "endpoint",
    "event",
    "version",
    "extra",
    "delivery_id",
    "late_delivery_id",
    "first_delivery_id",
    "first_received_at",
    "updated_at",
    "erased_at",
];

/// A host that tells how the plugin reads a body.
pub(super) async fn host() -> Host {
    Host::builder().rocket(|rocket| rocket.mount("/probe", routes![probe])).start().await
}

#[post("/<_>", data = "<event>")]
fn probe(event: Result<MojitoEvent, Rejection>) -> Result<String, Rejection> {
    let event = event?;
    let presences: BTreeMap<&str, String> = match event.payload() {
        Some(payload) => {
            Field::ALL.iter().map(|field| (field.as_str(), format!("{:?}", payload.presence(*field)))).collect()
        }
        None => BTreeMap::new(),
    };
    let extra = event.payload().map(|payload| payload.extra.len());
    let reading = json!({ "kind": event.kind(), "presences": presences, "extra": extra, "findings": event.findings() });
    Ok(reading.to_string())
}

/// What the program takes each field for, found by giving it values of every type.
pub(super) async fn contract(host: &Host, webhook: &str) -> Contract {
    let mut properties = BTreeMap::new();
    for field in Field::ALL {
        let field = field.as_str();
        let property = Property {
            kind: kind(host, webhook, field).await,
            is_nullable: is_nullable(host, webhook, field).await,
            is_required: !OPTIONAL.contains(&field),
        };
        assert_eq!(may_be_absent(host, webhook, field).await, field != "id", "{webhook}: {field}");
        properties.insert(field.to_owned(), property);
    }
    Contract(properties)
}

async fn kind(host: &Host, webhook: &str, field: &str) -> String {
    let values = [
        ("string", json!("text")),
        ("number", json!(4.212)),
        ("boolean", json!(true)),
        ("array", json!(["a"])),
        ("object", json!({ "a": 1 })),
    ];
    let mut taken = Vec::new();
    for (kind, value) in &values {
        let reading = read(host, webhook, &json!({ "id": "r-1", field: value })).await;
        if presence(&reading, field) == Some(format!("{:?}", Presence::Value)) {
            taken.push(*kind);
        }
    }
    match taken.as_slice() {
        [kind] => (*kind).to_owned(),
        all if all.len() == values.len() => "any".to_owned(),
        some => format!("{some:?}"),
    }
}

async fn is_nullable(host: &Host, webhook: &str, field: &str) -> bool {
    let reading = read(host, webhook, &json!({ "id": "r-1", field: null })).await;
    reading["findings"] == json!([]) && presence(&reading, field) == Some(format!("{:?}", Presence::Null))
}

async fn may_be_absent(host: &Host, webhook: &str, field: &str) -> bool {
    let body = if field == "id" { json!({ "status": "active" }) } else { json!({ "id": "r-1" }) };
    let reading = read(host, webhook, &body).await;
    reading["findings"] == json!([]) && presence(&reading, field) == Some(format!("{:?}", Presence::Absent))
}

fn presence(reading: &Value, field: &str) -> Option<String> {
    reading["presences"][field].as_str().map(str::to_owned)
}

async fn read(host: &Host, webhook: &str, body: &Value) -> Value {
    let answer = host.post_with(&format!("/probe/{webhook}"), &[AUTH], body.to_string().as_bytes()).await;
    let reading: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
    assert_eq!(reading["kind"], webhook);
    assert!(reading["extra"].is_null() || reading["extra"] == 0, "a field is no unknown key: {reading}");
    reading
}

/// The vendor's columns of the result table, with their types.
pub(super) fn columns(host: &Host) -> BTreeMap<String, String> {
    let columns = host.database.texts("SELECT name || ' ' || type AS value FROM pragma_table_info('mojito_results')");
    let columns = columns.iter().map(|column| column.split_once(' ').unwrap());
    let vendors = columns.filter(|(name, _)| !OUR_COLUMNS.contains(name));
    vendors.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}
