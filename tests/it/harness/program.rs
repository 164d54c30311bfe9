use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use crate::checkout::Checkout;

/// A program of this workspace.
pub(crate) struct Program {
    name: &'static str,
    /// The one of `tests/programs` that makes it: programs of one name are built in several ways.
    build: &'static str,
}

impl Program {
    /// The example as it is deployed.
    pub(crate) const RELEASED_EXAMPLE: Self = Self { name: "example-app", build: "releases" };

    /// `fault-host` as a host is deployed: without fail points.
    pub(crate) const RELEASED_HOST: Self = Self { name: "fault-host", build: "releases" };

    pub(super) const EXAMPLE_ON_SQLITE: Self = Self { name: "example-app", build: "sqlite" };

    pub(super) const EXAMPLE_ON_POSTGRES: Self = Self { name: "example-app", build: "postgres" };

    /// Where it is. The first test that asks builds it, unless that was done before.
    pub(crate) fn path(&self) -> PathBuf {
        static COPIES: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());
        let name = format!("{}-{}", self.name, self.build);
        let copy = Arc::clone(COPIES.lock().unwrap().entry(name.clone()).or_default());
        copy.get_or_init(|| self.copied(&name)).clone()
    }

    /// A copy of what was built, made under a lock: nobody builds another one of this name meanwhile.
    fn copied(&self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let profile = if self.build == "releases" { "release" } else { "debug" };
        let lock = fs::File::create(folder.join(format!("{profile}.lock"))).unwrap();
        lock.lock().unwrap();
        let copy = folder.join(name);
        let new = folder.join(format!("{name}-{}", std::process::id()));
        fs::copy(self.build(), &new).unwrap();
        // Another test run may be using the former copy: it keeps it.
        fs::rename(&new, &copy).unwrap();
        copy
    }

    fn build(&self) -> PathBuf {
        let mut build = Command::new(Checkout::root().join("tests/programs"));
        build.args([self.build, "--message-format", "json"]).stderr(Stdio::inherit());
        // It is for this program alone: see `tests/timed`.
        build.env_remove("RUSTC_BOOTSTRAP");
        let build = build.output().unwrap();
        assert!(build.status.success(), "`{}` does not build", self.name);
        let messages = String::from_utf8(build.stdout).unwrap();
        let program = messages.lines().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            (message["target"]["name"] == self.name).then(|| message["executable"].as_str().map(PathBuf::from))?
        });
        program.expect("cargo names the program")
    }
}
