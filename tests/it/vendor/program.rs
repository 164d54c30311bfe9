use std::collections::BTreeMap;

use rocket::{post, routes};
use rocket_mojito::{Field, MojitoEvent, Presence, Rejection};
use serde_json::{Value, json};

use super::contract::{Contract, Property};
use crate::harness::{AUTH, Body, Host};

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

/// The contract by the program, found by giving it values of every type in each field.
pub(super) async fn contract(host: &Host, webhook: &str) -> Contract {
    let mut properties = BTreeMap::new();
    for field in Field::ALL {
        let field = field.as_str();
        let property = Property {
            kind: kind(host, webhook, field).await,
            is_nullable: is_nullable(host, webhook, field).await,
            is_required: is_required(host, webhook, field).await,
        };
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
        let reading = read(host, webhook, &Body::result("r-1").with(field, value.clone())).await;
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
    let reading = read(host, webhook, &Body::result("r-1").with(field, Value::Null)).await;
    reading["findings"] == json!([]) && presence(&reading, field) == Some(format!("{:?}", Presence::Null))
}

/// Whether the absence of a field is a finding. Without `id` a body is no snapshot; without another field it is one.
async fn is_required(host: &Host, webhook: &str, field: &str) -> bool {
    let reading = read(host, webhook, &Body::result("r-1").without(field)).await;
    if field == "id" {
        return reading["findings"] == json!([{ "code": "bad_id", "field": "id" }]);
    }
    assert_eq!(presence(&reading, field), Some(format!("{:?}", Presence::Absent)), "{webhook}");
    let is_found = reading["findings"] == json!([{ "code": "missing", "field": field }]);
    assert!(is_found || reading["findings"] == json!([]), "{webhook}: {field}: {reading}");
    is_found
}

fn presence(reading: &Value, field: &str) -> Option<String> {
    reading["presences"][field].as_str().map(str::to_owned)
}

/// How a body is read on the path of a webhook. Those of this are of a result: that another path describes them is left
/// out, and so is that a change made two ids differ.
async fn read(host: &Host, webhook: &str, body: &Body) -> Value {
    let answer = host.post_with(&format!("/probe/{webhook}"), &[AUTH], &body.bytes()).await;
    let mut reading: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
    let beside = ["route_body_mismatch", "ids_differ"];
    let is_of_field = |finding: &Value| !beside.contains(&finding["code"].as_str().unwrap());
    reading["findings"].as_array_mut().unwrap().retain(is_of_field);
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
