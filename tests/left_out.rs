//! Says what a `cargo test` leaves out that opens none of this project's own doors.

#![cfg(not(mojito_internals))]

use std::fs;
use std::io::Write;
use std::path::Path;

/// The beginning of a line that makes functions tests, alone, on each database or behind each proxy.
const TESTS: [&str; 4] = ["#[test]", "#[tokio::test", "on_each_backend!(", "behind_each_proxy!("];

/// The number of files below a folder that hold tests.
fn count(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("the folder of the integration tests");
    let paths = entries.map(|entry| entry.expect("a file or a folder").path());
    paths.map(|path| if path.is_dir() { count(&path) } else { usize::from(has_tests(&path)) }).sum()
}

fn has_tests(path: &Path) -> bool {
    let source = fs::read_to_string(path).unwrap_or_default();
    source.lines().any(|line| TESTS.iter().any(|test| line.trim_start().starts_with(test)))
}

#[test]
fn the_integration_tests_are_left_out() {
    let left_out = count(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/it"));

    // Not by a macro, whose output libtest would keep for itself.
    let line = format!("{left_out} files of integration tests are left out: `tests/run` runs everything\n");
    std::io::stderr().write_all(line.as_bytes()).expect("somebody reads it");
    assert!(left_out > 0);
}
