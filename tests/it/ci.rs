//! How `.ci/run` ends: here its steps are programs that do nothing, or fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::checkout::Checkout;

/// Does all that `.ci/run` asks of cargo. The file `offline` beside its folder takes its network away.
const CARGO: &str = r#"
case "$*" in
    "deny fetch db") [ ! -e "$CARGO_HOME/offline" ] ;;
    "test --workspace") echo "7 files of integration tests are left out" ;;
    "check --quiet -p "*" --no-default-features")
        echo 'error: enable a database feature: `sqlite` or `postgres`' >&2
        exit 1
        ;;
esac
"#;

/// A checkout in which every step passes.
struct Steps {
    folder: TempDir,
}

impl Steps {
    fn new() -> Self {
        let steps = Self { folder: tempfile::tempdir().unwrap() };
        steps.write(".ci/run", &Checkout::read(".ci/run"));
        for file in Checkout::files("").iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
            steps.write(&file.path, &file.text);
        }
        steps.program("home/bin/cargo", CARGO);
        steps.program("home/bin/c++", "exit 1");
        steps.program("tests/run", "echo '3 passed, 0 failed'");
        steps.program("tests/internals", r#"exec "$@""#);
        steps.program("tests/breaks", "exit 0");
        steps.program("tests/packages", "exit 0");
        fs::create_dir(steps.path("left")).unwrap();
        steps
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn program(&self, path: &str, text: &str) {
        self.write(path, &format!("#!/usr/bin/env bash\n{text}\n"));
    }

    /// Its exit code and its summary. It leaves nothing behind.
    fn run(&self) -> (Option<i32>, String) {
        let mut command = Command::new(self.path(".ci/run"));
        command.env("CARGO_HOME", self.path("home")).env("TMPDIR", self.path("left")).env_remove("CARGO_TARGET_DIR");

        let Output { status, stdout, stderr } = command.output().unwrap();

        let stdout = String::from_utf8(stdout).unwrap();
        let Some((_, summary)) = stdout.split_once("\n=== summary ===\n") else {
            panic!("{stdout}\n{}", String::from_utf8_lossy(&stderr))
        };
        assert_eq!(fs::read_dir(self.path("left")).unwrap().count(), 0);
        (status.code(), without_times(summary))
    }
}

/// The lines behind the times of the steps.
fn without_times(summary: &str) -> String {
    let lines =
        summary.lines().filter(|line| line.split_once(" s  ").is_none_or(|(time, _)| time.parse::<u32>().is_err()));
    lines.collect::<Vec<_>>().join("\n")
}

// Shows M41.
#[test]
fn where_each_step_passes_the_run_passes() {
    let (code, summary) = Steps::new().run();

    assert_eq!(summary, "every step passed\n3 passed, 0 failed");
    assert_eq!(code, Some(0));
}

#[test]
fn what_could_not_run_is_named_and_fails_nothing() {
    let steps = Steps::new();
    steps.write("home/offline", "");

    let (code, summary) = steps.run();

    let expected = "every step that could run passed\n\
                    NOT RUN: advisories: the database could not be fetched\n\
                    3 passed, 0 failed";
    assert_eq!(summary, expected);
    assert_eq!(code, Some(0));
}

#[test]
fn a_red_test_fails_the_run_and_stands_at_its_end() {
    let steps = Steps::new();
    steps.program("tests/run", "printf 'much else\\nwhat failed:\\na::b\\n2 passed, 1 failed\\n'; exit 101");

    let (code, summary) = steps.run();

    assert_eq!(summary, "FAILED: tests\nwhat failed:\na::b\n2 passed, 1 failed");
    assert_eq!(code, Some(1));
}

#[test]
fn a_step_of_the_second_row_fails_the_run() {
    let steps = Steps::new();
    let fails = r#"[[ "$*" != "doc "*" -p example-app "*" --features sqlite" ]]"#;
    steps.program("home/bin/cargo", &format!("{CARGO}{fails}"));

    let (code, summary) = steps.run();

    assert_eq!(summary, "FAILED: documentation: of each crate, by its features\n3 passed, 0 failed");
    assert_eq!(code, Some(1));
}
