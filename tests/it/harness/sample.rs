use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Process;

/// A program of a host's author, with its settings in a `Rocket.toml` in a folder of its own.
pub(crate) struct Sample {
    program: PathBuf,
    folder: TempDir,
}

impl Sample {
    pub(crate) fn new(program: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Rocket.toml"), settings).unwrap();
        Self { program: program.into(), folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it with these variables, without waiting for anything.
    pub(crate) fn spawn(&self, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(&self.program);
        let log = self.folder.path().join("log");
        command
            .env_clear()
            .env("ROCKET_PORT", "0")
            .env("ROCKET_WORKERS", "2")
            .env("ROCKET_CLI_COLORS", "false")
            .envs(variables.iter().copied())
            .current_dir(self.folder.path());
        Process::spawn_rocket(&mut command, log)
    }

    /// The same, and waits until it listens.
    pub(crate) async fn start(&self, variables: &[(&str, &str)]) -> Process {
        let mut process = self.spawn(variables);
        assert!(process.ready().await.is_some(), "it ended before it listened: {}", process.log());
        process
    }
}
