use std::collections::BTreeSet;

use super::{Copied, TABLES, ended};

/// A column of SQLite's alone: on Postgres a claim waits for the disk anyway.
const OF_SQLITE: &str = "mojito_work.was_promoted";

/// The leases, which end with the copy.
const LEASES: [&str; 2] = ["mojito_work.lease_until", "mojito_audit.lease_until"];

/// The column of a table, as a text that is the same in both databases. The type is that of Postgres.
fn expressions(column: &str, kind: &str) -> (String, String) {
    match kind {
        "bytea" => (
            format!("CASE WHEN {column} IS NOT NULL THEN hex({column}) END"),
            format!("upper(encode({column}, 'hex'))"),
        ),
        "boolean" => (format!("CAST({column} AS TEXT)"), format!("CAST(CAST({column} AS INTEGER) AS TEXT)")),
        "timestamp with time zone" => (
            format!("CAST({column} AS TEXT)"),
            format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
        ),
        // The shortest digits that are no other number, and 17 digits: `same` compares the numbers.
        "double precision" => {
            let digits = format!("CASE WHEN {column} IS NOT NULL THEN printf('%!.17g', {column}) END");
            (digits, format!("CAST({column} AS TEXT)"))
        }
        _ => (format!("CAST({column} AS TEXT)"), format!("CAST({column} AS TEXT)")),
    }
}

/// A query for the values of a column, each behind the key of its row.
fn query(table: &str, key: &[&str], column: &str, text: &str) -> String {
    let key: Vec<String> = key.iter().map(|part| format!("CAST({part} AS TEXT)")).collect();
    let key = key.join(" || ' ' || ");
    let rows = format!("SELECT {key} || ' = ' || COALESCE({text}, 'null') AS value FROM {table}");
    // The copy itself stands in the audit of the new database alone.
    let rows = if table == "mojito_audit" { format!("{rows} WHERE action <> 'import'") } else { rows };
    if LEASES.contains(&format!("{table}.{column}").as_str()) {
        rows.replace(text, &format!("CASE WHEN {column} IS NOT NULL THEN 'ended' END"))
    } else {
        rows
    }
}

/// Numbers are the same where their doubles are.
fn same(kind: &str, texts: Vec<String>) -> BTreeSet<String> {
    let number = |text: String| match text.split_once(" = ") {
        Some((key, number)) if kind == "double precision" => {
            let number: Option<f64> = number.parse().ok();
            format!("{key} = {:?}", number.map(f64::to_bits))
        }
        _ => text,
    };
    texts.into_iter().map(number).collect()
}

/// Compares both databases, column by column. Gives back the columns without any value.
pub(super) async fn assert_same(copied: &Copied) -> Vec<String> {
    let mut unfilled = Vec::new();
    for (table, key) in TABLES {
        let columns = "SELECT column_name || ':' || data_type AS value FROM information_schema.columns
            WHERE table_name = ";
        let columns = copied.to.texts(&format!("{columns} '{table}'")).await;
        let columns: Vec<(&str, &str)> = columns.iter().filter_map(|column| column.split_once(':')).collect();
        let of_file = copied.file.texts(&format!("SELECT name AS value FROM pragma_table_info('{table}')"));
        let of_file: BTreeSet<String> =
            of_file.into_iter().filter(|column| format!("{table}.{column}") != OF_SQLITE).collect();
        assert_eq!(columns.iter().map(|(column, _)| (*column).to_owned()).collect::<BTreeSet<_>>(), of_file, "{table}");
        for (column, kind) in columns {
            let (of_file, of_server) = expressions(column, kind);
            let of_file = copied.file.texts(&query(table, key, column, &of_file));
            let of_server = copied.to.texts(&query(table, key, column, &of_server)).await;
            if of_file.iter().all(|value| value.ends_with(" = null")) {
                unfilled.push(format!("{table}.{column}"));
            }
            let counts = (of_file.len(), of_server.len());
            let (of_file, of_server) = (same(kind, of_file), same(kind, of_server));
            let differing: Vec<&String> = of_file.symmetric_difference(&of_server).collect();
            assert!(differing.is_empty() && counts.0 == counts.1, "{table}.{column}: {differing:?} {counts:?}");
        }
    }
    unfilled
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_of_every_row_is_copied() {
    let copied = Copied::seeded().await;
    let tables = "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name LIKE 'mojito\\_%' ESCAPE '\\'
        AND name <> 'mojito_migrations' ORDER BY name";
    assert_eq!(copied.file.texts(tables), TABLES.map(|(table, _)| table));

    let (code, said) = ended(&mut copied.command());

    assert_eq!(code, Some(0), "{said}");
    assert_eq!(assert_same(&copied).await, [""; 0], "each column has a value in the test");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!said.contains("canary") && words(&said).contains("mojito_deliveries 5"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_end_and_new_ids_come_after_all_that_were_given_out() {
    let copied = Copied::seeded().await;

    let (code, said) = ended(copied.command().arg("--json"));

    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{said}");
    assert!(lines.iter().all(|line| line["action"] == "copy") && lines[0]["plan"] == lines[1]["done"], "{said}");
    assert_eq!(lines[1]["done"]["tables"]["mojito_work"], 6);
    let running = "SELECT count(*) FROM mojito_work WHERE state = 'running' AND lease_until < now() AND epoch > 0";
    assert_eq!(copied.to.number(running).await, 1);
    assert_eq!(copied.to.number("SELECT count(*) FROM mojito_audit WHERE lease_until < now() AND cursor = 2").await, 1);
    let next = |table: &str| format!("SELECT nextval(pg_get_serial_sequence('{table}', 'id'))");
    assert_eq!(copied.to.number(&next("mojito_deliveries")).await, 10);
    assert_eq!(copied.to.number(&next("mojito_attempts")).await, 5);
    let import = copied
        .to
        .texts("SELECT id || ' ' || actor || ' ' || affected AS value FROM mojito_audit WHERE action = 'import'");
    assert_eq!(import.await, ["8 anna 23"]);
}
