//! `tests/nightly` reaches each test that grows with the scale, and its documents are those of its runs.

use std::collections::BTreeSet;
use std::process::Command;

use crate::checkout::{Checkout, File};
use crate::documents::tables;

/// Tests of the sources, which read of rounds and have none.
const READERS: [&str; 2] = ["nightly::", "promises::"];

/// A piece of the nightly run.
struct Piece {
    name: String,
    command: Vec<String>,
}

fn pieces() -> Vec<Piece> {
    let listed = Command::new(Checkout::root().join("tests/nightly")).arg("--list").output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let lines = String::from_utf8(listed.stdout).unwrap();
    let words = lines.lines().map(|line| line.split_whitespace().map(str::to_owned));
    words.map(|mut words| Piece { name: words.next().unwrap(), command: words.collect() }).collect()
}

/// The path of a file of tests as a module, like `disks::power::`.
fn module(file: &File) -> String {
    let path = file.path.trim_start_matches("tests/it/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.replace('/', "::") + "::"
}

#[test]
fn each_test_that_grows_with_the_scale_is_in_a_piece() {
    let pieces = pieces();
    let filters: Vec<&String> =
        pieces.iter().filter(|piece| piece.command[0] == "it").flat_map(|piece| &piece.command[1..]).collect();
    let files = Checkout::files("tests/it").into_iter().filter(File::is_rust);
    let growing: Vec<String> = files
        .filter(|file| !file.path.contains("/harness/"))
        .filter(|file| ["rounds(", "is_full("].iter().any(|scale| file.code().contains(scale)))
        .map(|file| module(&file))
        .filter(|module| !READERS.contains(&module.as_str()))
        .collect();

    let left_out: Vec<&String> =
        growing.iter().filter(|module| !filters.iter().any(|filter| module.starts_with(filter.as_str()))).collect();

    assert!(growing.len() > 30, "{growing:?}");
    assert_eq!(left_out, Vec::<&String>::new());
}

#[test]
fn each_filter_of_a_piece_is_a_module_of_tests() {
    let files: Vec<File> = Checkout::files("tests/it").into_iter().filter(File::is_rust).collect();
    let modules: Vec<String> = files.iter().map(module).collect();

    let pieces = pieces();
    let filters = pieces.iter().filter(|piece| piece.command[0] == "it").flat_map(|piece| &piece.command[1..]);
    let unknown: Vec<&String> = filters
        .filter(|filter| {
            let whole = format!("{}::", filter.trim_end_matches("::"));
            !modules.iter().any(|module| module.starts_with(&whole))
        })
        .collect();

    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn each_row_of_a_run_is_of_a_piece_and_says_how_it_ended() {
    let names: BTreeSet<String> = pieces().into_iter().map(|piece| piece.name).collect();
    let rows = tables(&Checkout::read("tests/NIGHTLY.md"), "## Runs").remove(0);

    for row in rows {
        let [_, _, piece, _, seconds, outcome, _] = &row[..] else { panic!("{row:?}") };
        assert!(names.contains(piece), "{piece}");
        assert!(seconds.parse::<u32>().is_ok(), "{row:?}");
        assert!(["passed", "failed", "did not end", "not run"].contains(&outcome.as_str()), "{row:?}");
    }
}

#[test]
fn each_survivor_of_the_mutants_is_of_a_file_and_has_a_reason() {
    let document = Checkout::read("tests/MUTANTS.md");
    let (_, survivors) = document.split_once("\n## Survivors\n").unwrap();

    for line in survivors.lines().filter(|line| line.starts_with("| `")) {
        let (name, reason) = line.trim_start_matches("| `").split_once("` | ").unwrap_or_else(|| panic!("{line}"));
        let (file, change) = name.split_once(": ").unwrap_or_else(|| panic!("{line}"));
        assert!(Checkout::root().join(file).is_file(), "{file}");
        assert!(!change.is_empty() && reason.trim_end_matches(" |").len() > 10, "{line}");
    }
}
