use std::collections::BTreeSet;

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_mojito::{MojitoConfig, SecretConfig};

use crate::checkout::{Checkout, File};
use crate::harness::{Host, SECRET};

mod bodies;

/// The chapters of the guide whose tables are those of the code.
const SETTINGS: &str = "rocket-mojito/guide/settings.md";
const GATEWAYS: &str = "rocket-mojito/guide/gateways.md";
const ANSWERS: &str = "rocket-mojito/guide/answers.md";
const OPERATE: &str = "rocket-mojito/guide/operate.md";

/// A table of a document: its rows, cell by cell, without the head.
pub(crate) type Table = Vec<Vec<String>>;

/// The tables in a section of a document.
pub(crate) fn tables(document: &str, heading: &str) -> Vec<Table> {
    let (_, section) = document.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no `{heading}`"));
    let section = section.split(&format!("\n{} ", heading.split(' ').next().unwrap())).next().unwrap();
    let blocks = section.split("\n\n").filter(|block| block.contains("\n| --- "));
    blocks.map(|block| block.lines().filter(|line| line.starts_with('|')).skip(2).map(cells).collect()).collect()
}

fn cells(row: &str) -> Vec<String> {
    let row = row.trim_start_matches('|').trim_end_matches('|');
    row.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The texts between backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Everything quoted in the first column.
fn keys(table: &Table) -> BTreeSet<String> {
    table.iter().flat_map(|row| quoted(&row[0])).map(str::to_owned).collect()
}

/// The keys that somebody who sets an unknown one is told of.
fn known_keys(settings: &str) -> BTreeSet<String> {
    let error = read_settings(settings).unwrap_err();
    let (_, known) = error.split_once("there is no such setting, but").unwrap();
    let is_key =
        |word: &&str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    known.split('`').filter(is_key).map(str::to_owned).collect()
}

fn read_settings(settings: &str) -> Result<MojitoConfig, String> {
    MojitoConfig::from_figment(&Figment::from(Toml::string(settings).nested())).map_err(|error| error.to_string())
}

/// The documentation of a module, as a document.
fn module_documentation(path: &str) -> String {
    let text = Checkout::read(path);
    let lines = text.lines().filter_map(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).fold("\n".to_owned(), |text, line| text + line + "\n")
}

fn documents() -> Vec<File> {
    Checkout::files("").into_iter().filter(|file| file.path.ends_with(".md")).collect()
}

#[test]
fn the_guide_lists_every_setting() {
    let tables = tables(&Checkout::read(SETTINGS), "## Configuration");

    let [settings, endpoint, secret] = &tables[..] else { panic!("{} tables", tables.len()) };

    assert_eq!(keys(settings), known_keys("[default.mojito]\nunknown = 1"));
    assert_eq!(keys(endpoint), known_keys("[default.mojito.endpoints.a]\nunknown = 1"));
    assert_eq!(keys(secret), known_keys("[[default.mojito.endpoints.a.secrets]]\nid = 'a'\nunknown = 1"));
}

#[test]
fn the_defaults_in_the_guide_are_the_defaults() {
    let tables = tables(&Checkout::read(SETTINGS), "## Configuration");
    let row = |row: &Vec<String>| Some(format!("{} = {}\n", quoted(&row[0]).next()?, quoted(&row[1]).next()?));

    let written: String = tables[0].iter().filter_map(row).collect();

    assert_eq!(written.lines().count(), tables[0].len() - 2, "all but `endpoints` and `silence_alert` have one");
    let read = read_settings(&format!("[default.mojito]\n{written}")).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", MojitoConfig::new()));
}

#[tokio::test]
async fn the_most_in_the_guide_is_the_most_that_a_launch_takes() {
    let tables = tables(&Checkout::read(SETTINGS), "## Configuration");
    let row = |row: &Vec<String>| Some((quoted(&row[0]).next()?.to_owned(), quoted(&row[2]).next()?.to_owned()));

    let bounds: Vec<(String, String)> = tables[0].iter().filter_map(row).collect();

    let numbers = format!("{:?}", MojitoConfig::new());
    assert_eq!(bounds.len(), 12, "every number has one: {numbers}");
    for (setting, most) in bounds {
        let most: u64 = match most.trim_matches('"').strip_suffix(" MiB") {
            Some(mebibytes) => mebibytes.parse::<u64>().unwrap() << 20,
            None => most.parse().unwrap(),
        };
        for (number, is_taken) in [(most, true), (most + 1, false)] {
            let config = read_settings(&format!("[default.mojito]\n{setting} = {number}")).unwrap();
            let secret = SecretConfig::header("test", "X-Mojito-Secret", SECRET);
            let rocket = Host::builder().config(|_| config.secret("default", secret)).build();

            // Rocket wants its error to be looked at.
            let launched = rocket.ignite().await.map(drop).map_err(|error| error.to_string());
            assert_eq!(launched.is_ok(), is_taken, "{setting} = {number}: {launched:?}");
        }
    }
}

#[test]
fn the_settings_that_the_documents_show_can_be_read() {
    let text: String = documents().iter().map(|file| file.text.as_str()).collect();
    let blocks = text.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());

    let settings: Vec<&str> = blocks.filter(|block| block.contains("[default.mojito")).collect();

    assert!(settings.len() >= 4, "{settings:?}");
    for settings in settings {
        assert!(read_settings(settings).is_ok(), "{settings}");
    }
}

#[test]
fn the_tables_of_schemes_are_what_a_launch_knows() {
    let credential = Checkout::read("rocket-mojito/src/config/credential.rs");
    let (_, schemes) = credential.split_once("this version knows").unwrap();
    let schemes = schemes.split('"').next().unwrap();
    let signing = quoted(schemes).filter(|scheme| *scheme != "header").map(str::to_owned);

    let guide = tables(&Checkout::read(GATEWAYS), "## Signed by a gateway").remove(0);
    let module = module_documentation("rocket-mojito/src/ingress/signature/mod.rs");
    let module: Table = module.lines().filter(|line| line.starts_with("| `")).map(cells).collect();

    assert_eq!(keys(&guide), signing.collect());
    let without_headers = |row: &Vec<String>| [&row[..1], &row[2..]].concat();
    assert_eq!(guide.iter().map(without_headers).collect::<Table>(), module);
}

#[test]
fn the_tables_of_statuses_are_what_a_rejection_can_be() {
    let rejection = Checkout::read("rocket-mojito/src/ingress/rejection.rs");
    let (_, code) = rejection.split_once("pub fn code(&self)").unwrap();
    let (code, _) = code.split_once("\n    }\n").unwrap();
    let arms = code.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(" => "));
    let known: BTreeSet<(String, String)> =
        arms.map(|(status, code)| (status.replace('_', "503"), code.trim_matches('"').to_owned())).collect();

    let guide = tables(&Checkout::read(ANSWERS), "## What a request is answered").remove(0);
    let module = module_documentation("rocket-mojito/src/ingress/mod.rs");
    let module = module.lines().filter(|line| line.starts_with("| `")).map(cells).collect();

    let refused = guide.iter().filter(|row| row[0] != "`200`");
    let listed = refused.map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), known);
    assert_eq!(keys(&guide), keys(&module));
}

/// The level and the beginning of every line that a file hands to the log, in the order in which it has them.
fn log_lines(code: &str) -> Vec<(&'static str, String)> {
    let calls = [
        ("warning(", "warn"),
        ("recovered(", "warn"),
        ("warn!(", "warn"),
        ("Line::new(Level::WARN,", "warn"),
        ("error(", "error"),
        ("error!(", "error"),
    ];
    let lines = calls.iter().flat_map(|(call, level)| {
        // Another name may end with that of a call, and not every call has its text there.
        let after = code
            .match_indices(call)
            .filter(|(at, _)| !code[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'));
        let texts = after.filter_map(|(at, _)| code[at + call.len()..].trim_start().strip_prefix('"'));
        texts.map(|text| (*level, text.split('"').next().unwrap().to_owned()))
    });
    lines.filter(|(_, text)| !text.starts_with('{')).collect()
}

#[test]
fn the_table_of_the_log_is_what_the_log_can_say() {
    let sources = Checkout::files("rocket-mojito/src").into_iter().filter(File::is_rust);
    let said: Vec<(&str, String)> = sources.flat_map(|file| log_lines(&file.code())).collect();

    let table = tables(&Checkout::read(OPERATE), "## What the log says").remove(0);
    // A cell names a level and a text, or several of both joined by `or`.
    let listed: Vec<(&str, &str)> = table
        .iter()
        .flat_map(|row| row[1].split(", or "))
        .filter_map(|line| line.split_once(", `"))
        .map(|(level, text)| (level.trim_matches('`'), text.split(['`', '…']).next().unwrap().trim_end()))
        .collect();

    let is_unlisted =
        |line: &&(&str, String)| !listed.iter().any(|(level, text)| *level == line.0 && line.1.starts_with(text));
    assert!(table.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())), "{table:?}");
    assert!(said.len() >= 30, "{said:?}");
    let unlisted: Vec<_> = said.iter().filter(is_unlisted).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
    for (level, text) in listed {
        assert!(said.iter().any(|line| level == line.0 && line.1.starts_with(text)), "`{level}`, `{text}`");
    }
}

/// Work that waits or runs needs nobody. Every other count of the backlog does.
#[test]
fn the_alarms_of_the_guide_name_each_count_that_needs_a_person() {
    let work = Checkout::read("diesel-schema/src/schema/work.rs");
    let (_, backlog) = work.split_once("pub struct Backlog {\n").unwrap();
    let fields = backlog.split("\n}").next().unwrap().lines().filter_map(|line| line.trim().strip_prefix("pub "));
    let counts = fields.map(|field| field.split(':').next().unwrap());
    let counts: BTreeSet<&str> = counts.filter(|count| !["waiting", "running"].contains(count)).collect();

    let alarms = tables(&Checkout::read(OPERATE), "## Which alarm on what").remove(0);
    let named: BTreeSet<&str> = alarms.iter().flat_map(|row| quoted(&row[0])).collect();

    assert!(counts.len() >= 4, "{counts:?}");
    assert!(counts.is_subset(&named), "{counts:?}: {named:?}");
    assert!(alarms.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())), "{alarms:?}");
}

/// A panic may quote whom it is about: the hook in the guide prints none of that. Its host in the tests has it.
#[test]
fn the_panic_hook_of_the_guide_is_the_one_that_is_tested() {
    let section = Checkout::read(OPERATE).split_once("\n## What the log says\n").unwrap().1.to_owned();
    let shown = section.split_once("```rust\n").unwrap().1.split_once("```").unwrap().0.to_owned();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");

    assert!(shown.contains("std::panic::set_hook"), "{shown}");
    assert!(words(&Checkout::read("tests/fault-host/panics.rs")).contains(&words(&shown)), "{shown}");
}

/// The tests in the guide are run as an example. They fit the README's program, whose table they make.
#[test]
fn the_tests_of_the_guide_are_those_of_the_example() {
    let chapter = Checkout::read("rocket-mojito/guide/testing.md");
    let shown = chapter.split_once("```rust\n").unwrap().1.split_once("```").unwrap().0;

    assert!(shown.starts_with("#[cfg(test)]\nmod tests {\n"), "{shown}");
    assert!(
        Checkout::read("rocket-mojito/examples/testing_a_handler.rs").ends_with(&format!("\n\n{shown}")),
        "{shown}"
    );
}

#[test]
fn each_feature_is_described_in_the_documentation_of_its_crate() {
    for crate_folder in ["rocket-mojito", "diesel-schema"] {
        let manifest = Checkout::read(&format!("{crate_folder}/Cargo.toml"));
        let (_, features) = manifest.split_once("\n[features]\n").unwrap();
        let features = features.split("\n[").next().unwrap();
        let names = features.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
        let in_manifest: BTreeSet<String> =
            names.filter(|name| *name != "default" && !name.starts_with('#')).map(str::to_owned).collect();

        let documentation = module_documentation(&format!("{crate_folder}/src/lib.rs"));
        let table = tables(&documentation, "# Features").remove(0);

        assert_eq!(keys(&table), in_manifest, "{crate_folder}");
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut lost = Vec::new();

    for document in documents() {
        let folder = Checkout::root().join(&document.path).parent().unwrap().to_owned();
        let links = document.text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for link in links.filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let has_heading = || headings(&document.text).any(|heading| heading == anchor);
            let is_found = match path.strip_prefix("crate::guide::") {
                // Within the guide a chapter is a module, which is a file beside this one.
                Some(chapter) => is_in_chapter(chapter, anchor),
                None if path.is_empty() => has_heading(),
                None => folder.join(path).exists(),
            };
            if !is_found {
                lost.push(format!("{}: {link}", document.path));
            }
        }
    }

    assert_eq!(lost, Vec::<String>::new());
}

/// Whether the guide has a chapter with this heading, or the chapter at all where none is named.
fn is_in_chapter(chapter: &str, anchor: &str) -> bool {
    let path = format!("rocket-mojito/guide/{chapter}.md");
    let is_there = Checkout::root().join(&path).exists();
    is_there && (anchor.is_empty() || headings(&Checkout::read(&path)).any(|heading| heading == anchor))
}

#[test]
fn each_chapter_of_the_guide_is_a_module_and_is_named_in_the_readme() {
    let door = Checkout::read("rocket-mojito/src/guide/mod.rs");
    let readme = Checkout::read("README.md");
    let chapters: BTreeSet<String> = Checkout::files("rocket-mojito/guide").into_iter().map(|file| file.path).collect();

    let modules = door.split("include_str!(\"../../").skip(1).map(|rest| rest.split('"').next().unwrap());

    assert!(chapters.len() >= 15, "{chapters:?}");
    assert_eq!(modules.map(|path| format!("rocket-mojito/{path}")).collect::<BTreeSet<_>>(), chapters);
    let unnamed: Vec<&String> = chapters.iter().filter(|path| !readme.contains(&format!("]({path})"))).collect();
    assert_eq!(unnamed, Vec::<&String>::new());
}

/// A page of a registry has no files beside it.
#[test]
fn the_readmes_of_the_packages_work_on_their_pages() {
    let program = |text: &str| text.split_once("```rust\n").unwrap().1.split_once("```").unwrap().0.to_owned();

    for package in ["rocket-mojito", "diesel-schema", "rocket-mojito/cli"] {
        let readme = Checkout::read(&format!("{package}/README.md"));
        let links = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());

        let relative: Vec<&str> = links.filter(|link| !link.starts_with("https://")).collect();
        assert_eq!(relative, [""; 0], "{package}");
        assert!(Checkout::read(&format!("{package}/Cargo.toml")).contains("\nreadme = \"README.md\"\n"), "{package}");
    }
    assert_eq!(program(&Checkout::read("rocket-mojito/README.md")), program(&Checkout::read("README.md")));
}

#[test]
fn the_readme_is_a_first_screen_and_no_handbook() {
    const MAX_WORDS: usize = 3_474;

    let words = Checkout::read("README.md").split_whitespace().count();

    assert!(words <= MAX_WORDS, "{words} words: move a chapter to the guide");
}

/// The anchors of the headings in a document.
fn headings(document: &str) -> impl Iterator<Item = String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
}

#[test]
fn the_architecture_names_files_and_functions_that_are_there() {
    let architecture = Checkout::read("rocket-mojito/ARCHITECTURE.md");
    let sources: Vec<File> =
        ["diesel-schema/src", "rocket-mojito/src"].map(Checkout::files).into_iter().flatten().collect();
    let place = |path: &str| match path.split_once('/') {
        Some(("schema" | "rules" | "engine", _)) => format!("diesel-schema/src/{path}"),
        Some(("tests", _)) => path.to_owned(),
        _ => format!("rocket-mojito/src/{path}"),
    };
    let is_file = |path: &str| [place(path), path.to_owned()].iter().any(|path| Checkout::root().join(path).exists());
    let is_function = |name: &str| sources.iter().any(|file| file.text.contains(&format!("fn {name}")));

    let lines = architecture.lines().filter(|line| !line.starts_with("```"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let lost = quoted(&text).filter(|word| match word.rsplit_once("::") {
        _ if word.contains('/') => !is_file(word),
        Some((_, function)) => function.starts_with(|c: char| c.is_ascii_lowercase()) && !is_function(function),
        None => false,
    });

    assert_eq!(lost.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn each_word_of_the_glossary_has_its_place_in_the_sources() {
    let glossary = tables(&Checkout::read("rocket-mojito/ARCHITECTURE.md"), "## Glossary").remove(0);
    let sources: Vec<File> =
        ["diesel-schema/src", "rocket-mojito/src"].map(Checkout::files).into_iter().flatten().collect();
    let is_file = |place: &str| sources.iter().any(|file| file.path.ends_with(&format!("/src/{place}")));
    let declares = |text: &str, start: &str| {
        let mut ends = text.match_indices(start).map(|(at, _)| &text[at + start.len()..]);
        ends.any(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
    };
    let is_declared = |place: &str| {
        let starts = ["struct", "enum", "trait", "type", "fn"].map(|keyword| format!("{keyword} {place}"));
        sources.iter().any(|file| starts.iter().any(|start| declares(&file.text, start)))
    };

    let lost = glossary.iter().filter(|row| {
        let place = row[2].trim_matches('`');
        row[2] != format!("`{place}`") || !(is_file(place) || is_declared(place))
    });

    assert!(glossary.len() > 40, "{} words", glossary.len());
    assert_eq!(lost.map(|row| &row[0]).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_security_document_names_tests_that_are_there() {
    let tests: Vec<File> = Checkout::files("tests/it").into_iter().filter(File::is_rust).collect();
    let has_file = |path: &str| tests.iter().any(|file| file.path.trim_end_matches("/mod.rs") == path);
    let is_there = |name: &str| {
        let path = format!("tests/it/{}", name.replace("::", "/"));
        let (folder, function) = path.rsplit_once('/').unwrap();
        let of_file = |file: &File| file.path.starts_with(folder) && file.text.contains(&format!("fn {function}("));
        has_file(&path) || has_file(&format!("{path}.rs")) || tests.iter().any(of_file)
    };
    let document = Checkout::read(".github/SECURITY.md");

    let threats = tables(&document, "## What stands against what").remove(0);
    let proxies = tables(&document, "## What is left to the proxy").remove(0);
    let cells = threats.iter().chain(&proxies).map(|row| row.last().unwrap().clone());
    let named: Vec<String> = cells.flat_map(|cell| quoted(&cell).map(str::to_owned).collect::<Vec<_>>()).collect();

    let lost: Vec<&String> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(named.len() > 20, "{named:?}");
    assert_eq!(lost, Vec::<&String>::new());
}

#[test]
fn the_security_document_names_lines_of_the_samples() {
    let proxies = tables(&Checkout::read(".github/SECURITY.md"), "## What is left to the proxy").remove(0);
    let samples = ["nginx.conf", "Caddyfile"].map(|name| Checkout::read(&format!(".github/proxy/{name}")));

    for row in proxies {
        for (cell, sample) in row[1..3].iter().zip(&samples) {
            for line in quoted(cell).filter(|word| *word != "body_deadline") {
                let part = line.split(" … ").next().unwrap();
                assert!(sample.contains(part), "`{line}`");
            }
        }
    }
}

#[test]
fn nothing_names_a_registry_or_somebodys_machine() {
    let registry = ["crates", "io"].join(".");
    let folders = ["root", "home", "Users", "tmp", "work"].map(|folder| format!("/{folder}/"));
    // Where every lock file says that the default registry is.
    let files = Checkout::files("").into_iter().filter(|file| !file.path.ends_with("Cargo.lock"));

    let naming = files.filter(|file| {
        let is_path =
            |folder: &String| file.text.match_indices(folder.as_str()).any(|(at, _)| starts_path(&file.text, at));
        file.text.contains(&registry) || folders.iter().any(is_path)
    });

    assert_eq!(naming.map(|file| file.path).collect::<Vec<_>>(), Vec::<String>::new());
}

/// Whether a path begins here, and not a later part of one.
fn starts_path(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|letter: char| letter.is_alphanumeric() || "._-}~".contains(letter))
}
