//! The desk with arguments, which answers its operator and serves nothing.

use std::process::Output;

use serde_json::{Value, json};

use super::example;
use crate::harness::{Body, Example, SECRET, TestBackend, on_each_backend};

on_each_backend!(the_desk_tells_its_operator_how_it_stands, a_desk_with_arguments_makes_no_table);

fn run(example: &Example, arguments: &[&str]) -> Output {
    example.command(&[("MOJITO_SECRET", SECRET)]).args(arguments).output().unwrap()
}

async fn the_desk_tells_its_operator_how_it_stands<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.start().await;
    desk.post("interview_result", b"?").await.unwrap();
    desk.post("interview_result", &Body::result("r").bytes()).await.unwrap();
    store.drained().await;

    let status = run(&example, &["mojito", "status", "--json"]);

    let document: Value = serde_json::from_slice(&status.stdout).unwrap_or_else(|_| panic!("{status:?}"));
    assert!(status.status.success() && status.stderr.is_empty(), "{status:?}");
    assert_eq!((&document["waiting"], &document["quarantined"]), (&json!(0), &json!(1)));
    assert_eq!((&document["handlers"][0]["name"], &document["handlers"][1]), (&json!("HiringDesk"), &Value::Null));
    assert_eq!(document["endpoints"][0]["secrets"][0]["id"], "MOJITO_SECRET");
}

async fn a_desk_with_arguments_makes_no_table<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;

    let status = run(&example, &["mojito", "status"]);

    let error = String::from_utf8_lossy(&status.stderr);
    assert!(status.status.code() == Some(2) && error.contains("run `migrate`"), "{status:?}");
    store.run("CREATE TABLE applications (result_id TEXT); CREATE TABLE mojito_deliveries (id BIGINT)").await;
}
