use std::collections::BTreeMap;

use crate::checkout::{Checkout, File};

/// The most lines of a file.
const LONGEST: usize = 500;

/// Front doors that are one thing each, as `ARCHITECTURE.md` says.
const FURNISHED: [&str; 3] = [
    "diesel-schema/src/engine/postgres/mod.rs",
    "diesel-schema/src/engine/sqlite/mod.rs",
    "diesel-schema/src/schema/mod.rs",
];

/// The levels of one crate in `ARCHITECTURE.md`, and where the names at the root of the crate come from.
struct Levels {
    /// The folder of the crate's sources.
    sources: &'static str,
    of_module: BTreeMap<String, usize>,
    /// Names that `lib.rs` hands on, with the module they come from; none where that is another crate.
    handed_on: BTreeMap<String, Option<String>>,
}

impl Levels {
    /// The levels of the lines that begin with `marker`.
    fn read(document: &str, marker: &str, sources: &'static str, front_door: &File) -> Self {
        let mut of_module = BTreeMap::new();
        for line in document.lines() {
            let Some((level, modules)) = line.strip_prefix(marker).and_then(|line| line.split_once(": ")) else {
                continue;
            };
            for module in modules.split(", ") {
                of_module.insert(module.trim_matches('`').to_owned(), level.parse().unwrap());
            }
        }
        let mut handed_on = BTreeMap::new();
        for statement in front_door.code().split(';') {
            let Some((visibility, path)) = statement.split_once(" use ") else { continue };
            if !visibility.contains("pub") {
                continue;
            }
            let (root, names) = path.rsplit_once("::").unwrap_or(("", path));
            let module = root.strip_prefix("self::").map(|path| path.split("::").next().unwrap().to_owned());
            for name in names.split(['{', '}', ',']).map(str::trim).filter(|name| !name.is_empty()) {
                handed_on.insert(name.to_owned(), module.clone());
            }
        }
        Self { sources, of_module, handed_on }
    }

    fn of_plugin() -> Self {
        Self::of_crate("- level ", "rocket-mojito/src")
    }

    fn of_schema() -> Self {
        Self::of_crate("- schema level ", "diesel-schema/src")
    }

    fn of_crate(marker: &str, sources: &'static str) -> Self {
        let front_door = format!("{sources}/lib.rs");
        let front_door = File::new(&front_door, &Checkout::read(&front_door));
        Self::read(&Checkout::read("rocket-mojito/ARCHITECTURE.md"), marker, sources, &front_door)
    }

    /// The modules that the front door declares.
    fn declared(&self) -> Vec<String> {
        let front_door = Checkout::read(&format!("{}/lib.rs", self.sources));
        let modules = front_door.lines().map(|line| line.trim_start_matches("pub ")).filter_map(|line| {
            let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
            Some(name.to_owned())
        });
        let mut modules: Vec<String> = modules.collect();
        modules.sort();
        modules
    }

    /// The violations of every file of the crate but its front door.
    fn all_violations(&self) -> Vec<String> {
        let files = Checkout::files(self.sources).into_iter().filter(File::is_rust);
        let inner = files.filter(|file| file.path != format!("{}/lib.rs", self.sources));
        inner.flat_map(|file| self.violations(&file)).collect()
    }

    /// The imports of a file that break the levels.
    fn violations(&self, file: &File) -> Vec<String> {
        let path = file.path.trim_start_matches(self.sources).trim_start_matches('/');
        let own = path.split(['/', '.']).next().unwrap();
        let Some(own_level) = self.of_module.get(own) else {
            return vec![format!("{path}: `{own}` is at no level of ARCHITECTURE.md")];
        };
        let mut violations = Vec::new();
        for name in root_imports(path, &file.code()) {
            let module = match self.handed_on.get(&name) {
                Some(Some(module)) => module,
                Some(None) => continue,
                None => &name,
            };
            match self.of_module.get(module) {
                None => violations.push(format!("{path}: `{name}` comes from no listed module")),
                Some(level) if module != own && level >= own_level => {
                    violations.push(format!("{path}: `{module}` is at level {level}, `{own}` at {own_level}"));
                }
                Some(_) => {}
            }
        }
        violations
    }
}

/// The names that a file takes from the root of its crate.
fn root_imports(path: &str, code: &str) -> Vec<String> {
    let code = match path.contains('/') {
        true => code.replace("super::super::", "crate::"),
        false => code.replace("\nuse super::", "\nuse crate::"),
    };
    let uses = code.split("crate::").skip(1);
    uses.flat_map(|rest| match rest.strip_prefix('{') {
        Some(group) => first_names(group),
        None => vec![identifier(rest)],
    })
    .collect()
}

/// The first name of each member of a group, up to the brace that closes it.
fn first_names(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![identifier(group)];
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(identifier(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn identifier(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The lines of a front door that are neither documentation nor `mod` nor `use`.
fn furniture(file: &File) -> Vec<String> {
    let mut is_inside_use = false;
    let mut furniture = Vec::new();
    for line in file.code().lines().map(str::trim).filter(|line| !line.is_empty()) {
        let item = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        let is_known = ["mod ", "use ", "#[", "#![", "compile_error!("].iter().any(|start| item.starts_with(start));
        let is_body = item.starts_with("mod ") && !item.ends_with(';') && !item.ends_with("{}");
        if !is_inside_use && (!is_known || is_body) {
            furniture.push(format!("{}: {line}", file.path));
        }
        is_inside_use = (is_inside_use || item.starts_with("use ")) && !line.ends_with(';');
    }
    furniture
}

fn plugin() -> Vec<File> {
    Checkout::files("rocket-mojito/src").into_iter().filter(File::is_rust).collect()
}

#[test]
fn modules_import_from_lower_levels_only() {
    let violations = [Levels::of_plugin(), Levels::of_schema()].map(|levels| levels.all_violations()).concat();

    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn every_module_has_a_level_and_every_level_names_modules_that_are_there() {
    for levels in [Levels::of_plugin(), Levels::of_schema()] {
        let modules = levels.declared();

        assert_eq!(modules, levels.of_module.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn ingress_and_dispatch_never_import_each_other() {
    let imports = |folder: &str, other: &str| {
        let files = Checkout::files(folder).into_iter().filter(File::is_rust);
        let files = files.filter(|file| root_imports("ingress/file.rs", &file.code()).contains(&other.to_owned()));
        files.map(|file| file.path).collect::<Vec<_>>()
    };

    assert_eq!(imports("rocket-mojito/src/ingress", "dispatch"), Vec::<String>::new());
    assert_eq!(imports("rocket-mojito/src/dispatch", "ingress"), Vec::<String>::new());
}

/// A comparison of 32 bytes by whole words is too fast for a clock: `timing` would not see it.
#[test]
fn signatures_are_compared_in_constant_time() {
    let code =
        File { text: Checkout::read("rocket-mojito/src/ingress/signature/verification.rs"), path: String::new() };
    let code = code.code();

    let uses: Vec<&str> = code.lines().map(str::trim).filter(|line| line.contains("expected")).collect();

    let [made, compared] = uses[..] else { panic!("what is expected is used elsewhere too: {uses:#?}") };
    assert_eq!(made, "let expected = mac.finalize().into_bytes();");
    assert!(compared.contains("fits | tag[..].ct_eq(&expected)"), "{compared}");
}

#[test]
fn an_import_from_the_same_or_a_higher_level_is_found() {
    let front_door =
        File::new("rocket-mojito/src/lib.rs", "pub use mojito_schema::Timestamp;\npub use self::inbox::Inbox;");
    let document = "- level 1: `pool`\n- level 2: `store`\n- level 3: `dispatch`, `ingress`\n- level 4: `inbox`";
    let levels = Levels::read(document, "- level ", "rocket-mojito/src", &front_door);
    let violations = |path: &str, text: &str| levels.violations(&File::new(path, text)).len();

    assert_eq!(
        violations("rocket-mojito/src/dispatch/a.rs", "use crate::{Timestamp, store::{Link, Wakeup}, pool};"),
        0
    );
    assert_eq!(violations("rocket-mojito/src/dispatch/a.rs", "use super::b::C;\n// crate::ingress"), 0);
    assert_eq!(violations("rocket-mojito/src/dispatch/a.rs", "use crate::ingress::Receipt;"), 1);
    assert_eq!(violations("rocket-mojito/src/dispatch/a.rs", "use super::super::ingress;"), 1);
    assert_eq!(violations("rocket-mojito/src/store/a.rs", "let x = crate::Inbox::new();"), 1);
    assert_eq!(
        violations("rocket-mojito/src/store/a.rs", "use crate::{\n    pool::Pool,\n    dispatch,\n    Inbox,\n};"),
        2
    );
    assert_eq!(violations("rocket-mojito/src/pool.rs", "\nuse super::store::Link;"), 1);
    assert_eq!(violations("rocket-mojito/src/pool.rs", "use crate::nowhere::Thing;"), 1);
    assert_eq!(violations("rocket-mojito/src/stranger.rs", ""), 1);
}

#[test]
fn diesel_is_named_in_the_schema_and_in_one_file_of_the_plugin_and_handed_on() {
    let is_diesel = |word: &String| word == "diesel" || word.starts_with("diesel_");

    let named = plugin().into_iter().filter(|file| file.identifiers().iter().any(is_diesel));

    let named: Vec<String> = named.map(|file| file.path).collect();
    assert_eq!(named, ["rocket-mojito/src/lib.rs", "rocket-mojito/src/pool.rs"]);
    let door = Checkout::read("rocket-mojito/src/lib.rs");
    let lines = door.lines().filter(|line| !line.starts_with("//") && line.contains("diesel"));
    assert_eq!(lines.collect::<Vec<_>>(), ["pub use {diesel, diesel_async, mojito_schema as schema};"]);
}

#[test]
fn hosts_see_two_items_of_a_backend_and_none_of_its_verbs() {
    let backend = Checkout::read("diesel-schema/src/engine/backend.rs");
    let (_, items) = backend.split_once("pub trait Backend").unwrap();
    let items = items.split("\n}").next().unwrap().lines().map(str::trim);
    let items = items.filter(|line| ["type ", "const ", "fn "].iter().any(|start| line.starts_with(start)));
    let front_door = Checkout::read("diesel-schema/src/lib.rs");
    let hidden = |name: &&str| front_door.contains(&format!("#[doc(hidden)]\npub use self::engine::{name}"));

    let names: Vec<&str> = items.map(|item| item.split([':', '<', '(']).next().unwrap()).collect();
    let shown = ["opening::", "recording::", "work_queue::", "operations::"].into_iter().filter(|name| !hidden(name));

    assert_eq!(names, ["type Connection", "const NAME"]);
    assert_eq!(shown.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn rocket_is_never_named_in_the_schema() {
    let is_rocket = |word: &String| word == "rocket" || word.starts_with("rocket_");
    let schema = Checkout::files("diesel-schema/src").into_iter().filter(File::is_rust);

    let named: Vec<String> = schema.filter(|f| f.identifiers().iter().any(is_rocket)).map(|f| f.path).collect();

    assert_eq!(named, Vec::<String>::new());
    let manifest = Checkout::read("diesel-schema/Cargo.toml");
    assert!(!manifest.lines().any(|line| line.starts_with("rocket")), "the schema depends on Rocket");
}

/// Features of a host's dependencies are chosen by all of them together. A cfg is set by nobody but its own build.
#[test]
fn no_feature_opens_the_doors_of_the_tests() {
    let files = ["diesel-schema", "rocket-mojito", "example-app"].map(Checkout::files).into_iter().flatten();
    let code: String = files.filter(File::is_rust).map(|file| file.code()).collect::<Vec<_>>().join("\n");
    let doors: Vec<&str> = code.lines().map(str::trim).filter(|line| line.contains("mojito_internals")).collect();

    let is_plain = |line: &&&str| matches!(**line, "#[cfg(mojito_internals)]" | "#[cfg(not(mojito_internals))]");
    assert!(doors.len() > 10, "{doors:#?}");
    assert_eq!(doors.iter().filter(|line| !is_plain(line)).collect::<Vec<_>>(), Vec::<&&str>::new());
    let configurations = [".cargo/config.toml", ".cargo/config"].map(|file| Checkout::root().join(file));
    assert!(!configurations.iter().any(|file| file.exists()), "a plain build sets no cfg");
}

#[test]
fn no_file_is_too_long_to_read() {
    let files = ["diesel-schema", "rocket-mojito", "example-app", "tests"].map(Checkout::files);
    let length = |file: &File| match file.path.starts_with("tests/") {
        true => file.text.lines().count(),
        false => file.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count(),
    };

    let long = files.into_iter().flatten().filter(|file| file.is_rust() && length(file) >= LONGEST);

    assert_eq!(long.map(|file| format!("{}: {}", file.path, length(&file))).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn front_doors_hold_no_furniture() {
    let folders = ["diesel-schema/src", "rocket-mojito/simulator/src", "rocket-mojito/src", "example-app/src"];
    let files = folders.map(Checkout::files);
    let doors = files.into_iter().flatten().filter(File::is_front_door);

    let plain = doors.filter(|file| !FURNISHED.contains(&file.path.as_str()));

    assert_eq!(plain.map(|file| furniture(&file)).collect::<Vec<_>>().concat(), Vec::<String>::new());
}

#[test]
fn furniture_in_a_front_door_is_found() {
    let lines = |text: &str| furniture(&File::new("src/lib.rs", text)).len();

    assert_eq!(
        lines("//! Text.\n\n#[cfg(test)]\nmod a;\npub(crate) mod b;\nmod readme {}\npub use self::a::{\n    B, C,\n};"),
        0
    );
    assert_eq!(lines("mod a;\n\nfn furniture() {}"), 1);
    assert_eq!(lines("mod a {\n    use b::c;\n}"), 2);
}
