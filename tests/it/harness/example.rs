use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use mojito_schema::Open;
use tempfile::TempDir;

use super::{Process, SECRET, Subject};

/// The example application on one database, started as often as a test likes. Each process has a port of its own.
pub(crate) struct Example {
    program: PathBuf,
    url: String,
    folder: TempDir,
}

impl Example {
    /// The example as it is built for a backend, on the database at this URL.
    pub(crate) fn on<B: Subject>(url: &str) -> Self {
        let program = program(B::NAME, B::EXAMPLE);
        Self { program, url: url.to_owned(), folder: tempfile::tempdir().unwrap() }
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
        let mut command = Command::new(&self.program);
        let log = self.folder.path().join(format!("example-{}.log", Process::number()));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("ROCKET_PORT", "0")
            .env("ROCKET_WORKERS", "2")
            .env("ROCKET_CLI_COLORS", "false")
            .env("ROCKET_DATABASES", format!("{{mojito={{url={:?}}}}}", self.url))
            .envs(settings.iter().copied())
            .current_dir(self.folder.path());
        let launched =
            |log: &str| log.lines().find_map(|line| line.split_once("launched from http://")?.1.trim().parse().ok());
        Process::spawn(&mut command, log.clone(), (log, launched))
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
        assert!(process.lifted().await.is_some(), "the example ended before it listened");
        process
    }

    /// Starts some processes at the same moment, and waits until all listen.
    pub(crate) async fn start_many(&self, count: usize) -> Vec<Process> {
        let mut processes: Vec<Process> = (0..count).map(|_| self.spawn(&[])).collect();
        for process in &mut processes {
            assert!(process.lifted().await.is_some(), "an example ended before it listened");
        }
        processes
    }

    /// How often each delivery is on the desk's timeline, `application_events`.
    pub(crate) async fn filed<B: Subject>(&self) -> BTreeMap<i64, usize> {
        let mut connection = B::open(&self.url, Open::Existing).await.unwrap();
        let ids = B::texts(&mut connection, "SELECT CAST(delivery_id AS TEXT) AS value FROM application_events").await;
        let mut filed = BTreeMap::new();
        for id in ids {
            *filed.entry(id.parse().unwrap()).or_default() += 1;
        }
        filed
    }
}

/// What the environment of a process holds whose clock is wrong by so much.
///
/// `faketime` only says what to set: as its child a process would be out of reach of signals, and outlive it.
pub(super) fn faketime(offset: &str) -> Vec<(String, String)> {
    let mut faketime = Command::new("faketime");
    faketime.args(["-m", "--exclude-monotonic", "-f", offset, "env"]).env_clear().env("PATH", "/usr/bin:/bin");
    let output = faketime.output().expect("`faketime` is installed, as `tests/run` does");
    let environment = String::from_utf8(output.stdout).unwrap();
    // What it shares with its child is gone with it.
    let clock = environment.lines().filter_map(|line| line.split_once('='));
    let clock = clock.filter(|(name, _)| !["PATH", "FAKETIME_SHARED"].contains(name));
    clock.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The program, built by the documented command if need be: `cargo test` builds the programs of its own package alone.
///
/// What is run is a copy, made under a lock: the programs for all backends come out of the build under one name.
fn program(backend: &str, arguments: &[&str]) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap();
    let program = built.entry(backend.to_owned()).or_insert_with(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let lock = fs::File::create(folder.join("example.lock")).unwrap();
        lock.lock().unwrap();
        let copy = folder.join(format!("example-on-{backend}"));
        let new = folder.join(format!("example-on-{backend}-{}", std::process::id()));
        fs::copy(build(arguments), &new).unwrap();
        // Another test run may be using the former copy: it keeps it.
        fs::rename(&new, &copy).unwrap();
        copy
    });
    program.clone()
}

fn build(arguments: &[&str]) -> PathBuf {
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--message-format", "json"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(build.status.success(), "the example does not build");
    let messages = String::from_utf8(build.stdout).unwrap();
    let program = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "example-app").then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    program.expect("cargo names the program")
}
