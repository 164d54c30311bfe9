//! The command line: the program that stands alone, and a host with arguments, each as a process on a real database.

mod actions;
pub(crate) mod help;
mod host;
mod lists;
mod sending;
mod watch;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use mojito_schema::EventKind;
use serde_json::Value;
use tempfile::TempDir;

use crate::conformance::handler;
use crate::harness::deliveries::{garbled, said};
use crate::harness::{Store, TestBackend, record_all};

/// The program that stands alone.
const COMMAND_LINE: &str = env!("CARGO_BIN_EXE_command-line");

/// The text that every body and error holds, and that must not be printed.
const CANARY: &str = "canary";

/// A folder with a terminal-less operator in it, and a database.
struct Desk<B: TestBackend> {
    store: Store<B>,
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    error: String,
}

impl Ended {
    /// Runs a command without a terminal.
    fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("it ended by itself");
        Self { code, out: text(output.stdout), error: text(output.stderr) }
    }

    /// The documents that it printed, one a line.
    fn documents(&self) -> Vec<Value> {
        assert_eq!(self.error, "", "{self:?}");
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The numbers under a key of its documents.
    fn numbers(&self, key: &str) -> Vec<i64> {
        self.documents().iter().map(|document| document[key].as_i64().unwrap()).collect()
    }
}

/// The keys of a document.
fn keys(document: &Value) -> BTreeSet<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The program in a folder, with nothing of this process's environment.
fn program(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("USER", "anna").current_dir(folder);
    command
}

impl<B: TestBackend> Desk<B> {
    /// Without any table.
    async fn empty() -> Self {
        Self { store: Store::open_empty().await, folder: tempfile::tempdir().unwrap() }
    }

    /// Two results, of which one has two versions, and a delivery in quarantine. The first work of `HiringDesk` is dead,
    /// and `Ledger` has been gone for a day.
    async fn seeded() -> Self {
        let mut store = Store::<B>::open().await;
        let event = EventKind::InterviewResult;
        let batch = vec![
            said(event, "res_1", CANARY),
            said(event, "res_2", CANARY),
            said(event, "res_1", &format!("{CANARY} again")),
            garbled(CANARY),
        ];
        let handlers = Arc::new(vec![handler("HiringDesk"), handler("Ledger")]);
        record_all::<B>(&mut store.connection, batch, handlers).await.unwrap();
        store
            .run(
                "UPDATE mojito_work
                 SET state = 'discarded', attempt = 3, finished_at = '2026-01-01 00:00:00', is_first = false,
                     last_error = 'no printer for \"canary\"'
                 WHERE delivery_id = 1 AND handler = 'HiringDesk';
                 UPDATE mojito_work SET is_first = true WHERE delivery_id = 3 AND handler = 'HiringDesk';
                 INSERT INTO mojito_seen (endpoint, secret_id, last_used_at)
                 VALUES ('default', 'test', '2026-01-02 00:00:00');
                 UPDATE mojito_handlers SET last_seen = '2026-01-01 00:00:00' WHERE name = 'Ledger'",
            )
            .await;
        let desk = Self { store, folder: tempfile::tempdir().unwrap() };
        let settings = format!("[default.databases.mojito]\nurl = {:?}\n[default.mojito]\n", desk.store.url());
        std::fs::write(desk.folder.path().join("Rocket.toml"), settings).unwrap();
        desk
    }

    /// Runs the program that stands alone, in the folder.
    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(program(Path::new(COMMAND_LINE), self.folder.path()).args(arguments))
    }

    /// The same for programs.
    fn json(&self, arguments: &[&str]) -> Ended {
        self.run(&[arguments, &["--json"]].concat())
    }

    /// The handlers' work: delivery, handler and state.
    async fn states(&mut self) -> Vec<(i64, String, &'static str)> {
        let work = self.store.work().await;
        work.into_iter().map(|row| (row.delivery_id, row.handler, row.state.as_str())).collect()
    }

    /// Which actions stand in the audit.
    async fn audited(&mut self) -> Vec<&'static str> {
        self.store.audit().await.iter().map(|row| row.action.as_str()).collect()
    }
}
