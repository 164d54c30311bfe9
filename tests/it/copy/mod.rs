//! The copy of an inbox from a SQLite file into a Postgres database.

mod columns;
mod cut_off;
mod host;
mod refused;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Database, PostgresDatabase, TestDatabase};

/// The tables of the plugin, each with the columns of its key.
const TABLES: [(&str, &[&str]); 9] = [
    ("mojito_attempts", &["id"]),
    ("mojito_audit", &["id"]),
    ("mojito_clock_readings", &["number"]),
    ("mojito_deliveries", &["id"]),
    ("mojito_handlers", &["name"]),
    ("mojito_pauses", &["kind", "name"]),
    ("mojito_results", &["endpoint", "id"]),
    ("mojito_seen", &["endpoint", "secret_id"]),
    ("mojito_work", &["delivery_id", "handler"]),
];

/// Rows of every table, in which each column has a value at least once.
const ROWS: &str = include_str!("rows.sql");

/// A copied file, and a new database.
struct Copied {
    file: Database,
    to: PostgresDatabase,
}

/// How a command ended: its code, and everything that it printed.
type Ended = (Option<i32>, String);

impl Copied {
    /// With the tables of the plugin in both, and rows in the file.
    async fn seeded() -> Self {
        let copied = Self { file: Database::new(), to: PostgresDatabase::empty().await };
        for url in [copied.file.url(), copied.to.url()] {
            assert_eq!(copied.run(&["migrate", "--database", &url]).0, Some(0));
        }
        copied.file.run(ROWS);
        copied
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        ended(command_line(self.file.folder()).args(arguments))
    }

    /// The command that copies.
    fn command(&self) -> Command {
        let mut command = command_line(self.file.folder());
        command.args(["copy", "--from", &self.file.url(), "--to", &self.to.url(), "--yes"]);
        command
    }

    /// The number of rows in each table of the new database.
    async fn counts(&self) -> Vec<i64> {
        let mut counts = Vec::new();
        for (table, _) in TABLES {
            counts.push(self.to.number(&format!("SELECT count(*) FROM {table}")).await);
        }
        counts
    }
}

/// The program that stands alone.
fn command_line(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-line"));
    command.env_clear().env("USER", "anna").current_dir(folder).stdin(Stdio::null());
    command
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}
