use std::fs;
use std::path::{Path, PathBuf};

/// The checkout that these tests were built from: its sources and documents.
pub(crate) struct Checkout;

/// A file of the checkout.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Checkout {
    pub(crate) fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    pub(crate) fn read(path: &str) -> String {
        fs::read_to_string(Self::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Every text file below a folder, in order, without what a build leaves behind.
    pub(crate) fn files(folder: &str) -> Vec<File> {
        let mut paths = Vec::new();
        collect(&Self::root().join(folder), &mut paths);
        paths.sort();
        let file = |path: PathBuf| {
            let text = fs::read_to_string(&path).ok()?;
            let path = path.strip_prefix(Self::root()).unwrap().to_str().unwrap().replace('\\', "/");
            Some(File { path, text })
        };
        paths.into_iter().filter_map(file).collect()
    }
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_front_door(&self) -> bool {
        matches!(self.path.rsplit('/').next(), Some("lib.rs" | "mod.rs"))
    }

    /// The text without its comments.
    pub(crate) fn code(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.map(|line| line.split(" // ").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    /// The identifiers in its code.
    pub(crate) fn identifiers(&self) -> Vec<String> {
        let code = self.code();
        let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // In a second working tree of a repository `.git` is a file. `target` has no tag of cargo's where a folder in it
        // was there first.
        if [".git", "target"].contains(&name) || path.join("CACHEDIR.TAG").exists() {
            continue;
        }
        match path.is_dir() {
            true => collect(&path, paths),
            false => paths.push(path),
        }
    }
}
