use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use mojito_schema::Open;
use tempfile::TempDir;

use super::{Process, SECRET, TestBackend};

/// The example application on one database, started as often as a test likes. Each process has a port of its own.
pub(crate) struct Example {
    program: PathBuf,
    url: String,
    folder: TempDir,
}

impl Example {
    /// The example as it is built for a backend, on the database at this URL.
    pub(crate) fn on<B: TestBackend>(url: &str) -> Self {
        Self { program: B::EXAMPLE.path(), url: url.to_owned(), folder: tempfile::tempdir().unwrap() }
    }

    /// Where its processes write their logs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a process with settings of its environment, without waiting for anything. Its default endpoint has the
    /// secret of the tests.
    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> Process {
        self.spawn_bare(&[&[("MOJITO_SECRET", SECRET)], settings].concat())
    }

    /// The same without that secret.
    pub(crate) fn spawn_bare(&self, settings: &[(&str, &str)]) -> Process {
        let log = self.folder.path().join(format!("example-{}.log", Process::number()));
        Process::spawn_rocket(&mut self.command(settings), log)
    }

    /// The program with settings of its environment, not started yet.
    pub(crate) fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("ROCKET_PORT", "0")
            .env("ROCKET_WORKERS", "2")
            .env("ROCKET_CLI_COLORS", "false")
            .env("ROCKET_DATABASES", format!("{{mojito={{url={:?}}}}}", self.url))
            .envs(settings.iter().copied())
            .current_dir(self.folder.path());
        command
    }

    /// Starts a process whose clock is wrong by so much.
    pub(crate) fn spawn_at(&self, offset: &str) -> Process {
        let clock = faketime(offset);
        let clock = clock.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = clock.chain([("MOJITO_SECRET", SECRET)]).collect();
        self.spawn_bare(&settings)
    }

    /// Starts a process and waits until it listens.
    pub(crate) async fn start(&self) -> Process {
        let mut process = self.spawn(&[]);
        assert!(process.ready().await.is_some(), "the example ended before it listened");
        process
    }

    /// Starts some processes at the same moment, and waits until all listen.
    pub(crate) async fn start_many(&self, count: usize) -> Vec<Process> {
        let mut processes: Vec<Process> = (0..count).map(|_| self.spawn(&[])).collect();
        for process in &mut processes {
            assert!(process.ready().await.is_some(), "an example ended before it listened");
        }
        processes
    }

    /// How often each delivery is on the desk's timeline, `application_events`.
    pub(crate) async fn filed<B: TestBackend>(&self) -> BTreeMap<i64, usize> {
        let mut connection = B::open(&self.url, Open::Existing).await.unwrap();
        let ids = B::texts(&mut connection, "SELECT CAST(delivery_id AS TEXT) AS value FROM application_events").await;
        let mut filed = BTreeMap::new();
        for id in ids {
            *filed.entry(id.parse().unwrap()).or_default() += 1;
        }
        filed
    }
}

/// The environment of a process whose clock is wrong by so much.
///
/// `faketime` only says what to set: as its child a process would be out of reach of signals, and outlive it.
pub(super) fn faketime(offset: &str) -> Vec<(String, String)> {
    let mut faketime = Command::new("faketime");
    faketime.args(["-m", "--exclude-monotonic", "-f", offset, "env"]).env_clear().env("PATH", "/usr/bin:/bin");
    let output = faketime.output().expect("`faketime` is installed, as `tests/run` does");
    let environment = String::from_utf8(output.stdout).unwrap();
    // The memory that it shares with its child is gone with it.
    let clock = environment.lines().filter_map(|line| line.split_once('='));
    let clock = clock.filter(|(name, _)| !["PATH", "FAKETIME_SHARED"].contains(name));
    clock.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
