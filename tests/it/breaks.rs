//! Each break of `tests/breaks` names tests that exist: a filter that fits none would show nothing.

use std::process::Command;

use crate::checkout::{Checkout, File};

/// The crates whose unit tests a break may name, with the folder of their sources.
const UNITS: [&str; 5] =
    ["diesel-schema/src", "rocket-mojito/src", "rocket-mojito/simulator/src", "tests/models/src", "tests/models/tests"];

/// The standard output of a program.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the integration tests, as this program tells them.
fn integration_tests() -> Vec<String> {
    let listed = output(Command::new(std::env::current_exe().unwrap()).arg("--list"));
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// The possible names of unit tests: each function of a file, in the module of the file and in its module `tests`.
fn unit_tests() -> Vec<String> {
    let functions = |folder: &str, file: &File| -> Vec<String> {
        let path = file.path.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
        let module = path.trim_end_matches("/mod").replace('/', "::");
        let names = file.text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        names.flat_map(|name| [format!("{module}::{name}"), format!("{module}::tests::{name}")]).collect()
    };
    let files = UNITS.iter().flat_map(|folder| Checkout::files(folder).into_iter().map(move |file| (*folder, file)));
    files.filter(|(_, file)| file.is_rust()).flat_map(|(folder, file)| functions(folder, &file)).collect()
}

#[test]
fn each_break_names_a_test() {
    let filters = output(Command::new(Checkout::root().join("tests/breaks")).arg("--filters"));
    let known: Vec<String> = [integration_tests(), unit_tests()].concat();

    let lost: Vec<&str> = filters
        .lines()
        .filter(|line| {
            let (_, filter) = line.rsplit_once('\t').unwrap();
            !known.iter().any(|test| test.contains(filter))
        })
        .collect();

    assert!(filters.lines().count() > 400, "{filters}");
    assert_eq!(lost, [""; 0]);
}
