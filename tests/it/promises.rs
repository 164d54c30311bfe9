//! `tests/PROMISES.md` and the tests that it names agree.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkout::{Checkout, File};
use crate::documents::{quoted, tables};

/// The headings of the tables, with the number of their rows that may not get lost.
const SECTIONS: [(&str, usize); 4] = [
    ("## The promises of the README", 4),
    ("## The promises to operators and to authors of hosts", 31),
    ("## Faults on purpose", 60),
    ("## Defects that were found", 36),
];

/// The mark of a test that shows rows of the document.
const MARK: &str = "// Shows ";

/// A row of the document.
struct Row {
    id: String,
    sentence: String,
    tests: Vec<String>,
    /// The pairs of rounds, where the row tells them.
    rounds: Option<BTreeSet<String>>,
}

fn rows() -> Vec<Row> {
    let document = Checkout::read("tests/PROMISES.md");
    let mut rows = Vec::new();
    for (heading, count) in SECTIONS {
        let table = tables(&document, heading).remove(0);
        assert!(table.len() >= count, "{heading}: {} rows are left", table.len());
        rows.extend(table.into_iter().map(|cells| Row {
            id: cells[0].clone(),
            sentence: cells[1].clone(),
            tests: quoted(&cells[2]).map(str::to_owned).collect(),
            rounds: cells.get(3).map(|cell| cell.split(", ").map(str::to_owned).collect()),
        }));
    }
    rows
}

/// A test function in its source.
struct Function {
    /// The ids that stand above it.
    marks: BTreeSet<String>,
    /// The calls of `rounds` in it, as the document writes them.
    rounds: BTreeSet<String>,
}

fn sources() -> Vec<File> {
    let files = ["tests/it", "tests/models"].into_iter().flat_map(Checkout::files);
    files.filter(File::is_rust).collect()
}

/// The function of a name like `crash::killed_under_load`: the file is the module, or its folder. Models have a program of
/// their own.
fn find(sources: &[File], name: &str) -> Option<Function> {
    let (module, function) = name.rsplit_once("::")?;
    let path = match module.strip_prefix("models::") {
        Some(module) => format!("tests/models/tests/{module}"),
        None => format!("tests/it/{}", module.replace("::", "/")),
    };
    let is_module = |file: &&File| {
        let own = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        own == path || own.starts_with(&format!("{path}/"))
    };
    let start = |file: &File| {
        [format!("fn {function}("), format!("fn {function}<")].iter().find_map(|text| file.text.find(text.as_str()))
    };
    let (file, at) = sources.iter().filter(is_module).find_map(|file| Some((file, start(file)?)))?;
    let above = file.text[..at].lines().rev().skip(1).take_while(|line| !line.is_empty() && !line.starts_with('}'));
    let marks = above.filter_map(|line| Some(line.trim().strip_prefix(MARK)?.trim_end_matches('.').to_owned()));
    let marks = marks.flat_map(|ids| ids.split(", ").map(str::to_owned).collect::<Vec<_>>());
    let end = file.text[at..].find("\n}").map_or(file.text.len(), |end| at + end);
    let calls = file.text[at..end].split("rounds(").skip(1);
    let pairs = calls.filter_map(|call| call.split_once(')')?.0.split_once(", "));
    let written = |number: &str| number.replace("u32::MAX", "all").replace('_', ",");
    let rounds = pairs.map(|(small, full)| format!("{} / {}", written(small), written(full)));
    Some(Function { marks: marks.collect(), rounds: rounds.collect() })
}

#[test]
fn each_row_names_tests_that_bear_its_id() {
    let sources = sources();
    let mut wrong = Vec::new();
    for row in rows() {
        if row.tests.is_empty() {
            wrong.push(format!("{}: no test", row.id));
        }
        for name in &row.tests {
            match find(&sources, name) {
                None => wrong.push(format!("{}: there is no test `{name}`", row.id)),
                Some(function) if !function.marks.contains(&row.id) => {
                    wrong.push(format!("{}: `{MARK}{}.` does not stand above `{name}`", row.id, row.id));
                }
                Some(_) => {}
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn each_id_above_a_test_has_its_row() {
    let rows: BTreeMap<String, usize> = rows().into_iter().map(|row| (row.id, row.tests.len())).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let sources = sources();
    let lines = sources.iter().flat_map(|file| file.text.lines());
    for ids in lines.filter_map(|line| line.trim().strip_prefix(MARK)).filter(|ids| !ids.starts_with('"')) {
        for id in ids.trim_end_matches('.').split(", ") {
            *seen.entry(id.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(seen, rows, "each id stands above as many tests as its row names");
}

#[test]
fn the_rounds_are_those_of_the_sources() {
    let sources = sources();
    let mut wrong = Vec::new();
    for row in rows() {
        let Some(told) = row.rounds else { continue };
        let mut rounds = BTreeSet::new();
        for name in &row.tests {
            rounds.extend(find(&sources, name).map(|function| function.rounds).unwrap_or_default());
        }
        if rounds.is_empty() {
            rounds.insert("1".to_owned());
        }
        if rounds != told {
            wrong.push(format!("{}: {told:?} are told, and the sources say {rounds:?}", row.id));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn each_promise_of_the_readme_has_a_row() {
    let readme = Checkout::read("README.md");
    let promises: Vec<String> =
        tables(&readme, "## What is promised").remove(0).into_iter().map(|cells| cells[0].clone()).collect();
    let rows: Vec<String> = rows().into_iter().map(|row| row.sentence).collect();

    let shown = |promise: &&String| rows.iter().any(|sentence| promise.starts_with(sentence.as_str()));
    let lost: Vec<&String> = promises.iter().filter(|promise| !shown(promise)).collect();

    assert_eq!(promises.len(), 4);
    assert_eq!(lost, Vec::<&String>::new());
}
