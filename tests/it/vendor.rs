//! The vendor's OpenAPI document, against what the program does with each field.

mod contract;
mod document;
mod program;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::contract::Contract;
use crate::harness::Host;

const DOCUMENT: &str = include_str!("../fixtures/openapi-webhooks.json");
const WEBHOOKS: [&str; 3] = ["interview_result", "interview_collected", "interview_failed"];

type Change = fn(&mut Value);

/// The schema that all three webhooks refer to.
const SCHEMA: &str = "/components/schemas/WebhookInterviewResultPayload";

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// The differences between the document's webhooks and the program.
fn differences(document: &Value, program: &[(&str, Contract)]) -> Vec<String> {
    let documented: BTreeSet<String> = document::webhooks(document).into_iter().collect();
    let known: BTreeSet<String> = program.iter().map(|(webhook, _)| (*webhook).to_owned()).collect();
    let mut found: Vec<String> =
        documented.symmetric_difference(&known).map(|webhook| format!("{webhook}: only one side knows it")).collect();
    for (webhook, contract) in program.iter().filter(|(webhook, _)| documented.contains(*webhook)) {
        match document::contract(document, webhook) {
            Ok(documented) => found.extend(documented.differences(contract, webhook)),
            Err(problem) => found.push(format!("{webhook}: {problem}")),
        }
    }
    found
}

async fn program(host: &Host) -> Vec<(&'static str, Contract)> {
    let mut contracts = Vec::new();
    for webhook in WEBHOOKS {
        contracts.push((webhook, program::contract(host, webhook).await));
    }
    contracts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_reads_every_field_of_every_webhook_as_the_document_says() {
    let host = program::host().await;

    let program = program(&host).await;

    assert_eq!(differences(&document(), &program), [""; 0]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_table_has_a_column_of_the_right_type_for_every_field() {
    let host = program::host().await;

    let columns = program::columns(&host);

    for webhook in WEBHOOKS {
        let documented = document::contract(&document(), webhook).unwrap();
        assert_eq!(documented.column_differences(&columns), [""; 0], "{webhook}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_document_is_noticed() {
    let host = program::host().await;
    let program = program(&host).await;
    let columns = program::columns(&host);
    let changes: [(&str, Change, &str); 16] = [
        ("a field is gone", |d| drop(properties(d).remove("score")), "`score`"),
        ("a field is new", |d| set(d, "max_score", json!({ "type": "number", "nullable": true })), "`max_score`"),
        ("a field is renamed", |d| rename(d, "candidate_email", "candidate_mail"), "`candidate_"),
        ("a text is a number", |d| set(d, "profile_id", json!({ "type": "number", "nullable": true })), "`profile_id`"),
        ("a number is a text", |d| set(d, "score", json!({ "type": "string", "nullable": true })), "`score`"),
        ("a number is an integer", |d| set(d, "score", json!({ "type": "integer", "nullable": true })), "`score`"),
        ("any value is a list", |d| why_hire_as_list(d), "`ai_analysis_recruiter_why_hire`"),
        ("a decision is a text", |d| decision_as_text(d), "`recruiter_go_next_round`"),
        ("a field may be null", |d| property(d, "status")["nullable"] = json!(true), "`status`"),
        ("a field may not be null", |d| property(d, "score")["nullable"] = json!(false), "`score`"),
        ("a field is required", |d| required(d).push(json!("candidate_name")), "`candidate_name`"),
        ("a field is optional", |d| required(d).retain(|name| name != "reason"), "`reason`"),
        ("a field has a keyword", |d| property(d, "status")["enum"] = json!(["active"]), "`status`"),
        ("a webhook is new", |d| d["webhooks"]["interview_deleted"] = json!({}), "interview_deleted"),
        ("a webhook is gone", |d| drop(webhooks(d).remove("interview_failed")), "interview_failed"),
        ("a webhook has another schema", |d| other_schema(d), "interview_collected"),
    ];

    for (what, change, named) in changes {
        let mut changed = document();
        change(&mut changed);
        assert_ne!(changed, document(), "{what}");

        let found = differences(&changed, &program);

        assert!(!found.is_empty(), "{what}");
        assert!(found.iter().all(|difference| difference.contains(named)), "{what}: {found:?}");
    }
    let mut changed = document();
    set(&mut changed, "score", json!({ "type": "string" }));
    set(&mut changed, "max_score", json!({ "type": "number" }));
    assert_eq!(document::contract(&changed, "interview_result").unwrap().column_differences(&columns).len(), 2);
    host.stop().await;
}

fn schema(document: &mut Value) -> &mut Value {
    document.pointer_mut(SCHEMA).unwrap()
}

fn properties(document: &mut Value) -> &mut serde_json::Map<String, Value> {
    schema(document)["properties"].as_object_mut().unwrap()
}

fn property<'d>(document: &'d mut Value, field: &str) -> &'d mut Value {
    properties(document).get_mut(field).unwrap()
}

fn set(document: &mut Value, field: &str, property: Value) {
    properties(document).insert(field.to_owned(), property);
}

fn required(document: &mut Value) -> &mut Vec<Value> {
    schema(document)["required"].as_array_mut().unwrap()
}

fn webhooks(document: &mut Value) -> &mut serde_json::Map<String, Value> {
    document["webhooks"].as_object_mut().unwrap()
}

fn rename(document: &mut Value, from: &str, to: &str) {
    let property = properties(document).remove(from).unwrap();
    set(document, to, property);
}

fn why_hire_as_list(document: &mut Value) {
    property(document, "ai_analysis_recruiter_why_hire")["type"] = json!("array");
}

fn decision_as_text(document: &mut Value) {
    property(document, "recruiter_go_next_round")["type"] = json!("string");
}

fn other_schema(document: &mut Value) {
    let content = "/webhooks/interview_collected/post/requestBody/content/application~1json/schema";
    *document.pointer_mut(content).unwrap() = json!({ "$ref": "#/components/schemas/Other" });
}
