use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use crate::checkout::Checkout;

/// A program of this workspace.
pub(crate) struct Program {
    /// The name of its copy: programs that are built in another way come out of the build under one name.
    copy: &'static str,
    name: &'static str,
    /// Of `cargo build`. Not those of a release: `tests/releases` makes all in one build, so that they share what they
    /// stand on.
    arguments: &'static [&'static str],
    is_release: bool,
}

impl Program {
    /// The example as it is deployed.
    pub(crate) const RELEASED_EXAMPLE: Self = Self::released("released-example", "example-app");

    /// `fault-host` as a host is deployed: without fail points.
    pub(crate) const RELEASED_HOST: Self = Self::released("released-host", "fault-host");

    const fn released(copy: &'static str, name: &'static str) -> Self {
        Self { copy, name, arguments: &[], is_release: true }
    }

    /// Built with the features of the whole workspace, tests included, as `cargo test --workspace` does: it shares all
    /// that it stands on with this program.
    pub(super) const fn example(copy: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { copy, name: "example-app", arguments, is_release: false }
    }

    /// Where it is. The first test that asks builds it: `cargo test` builds the programs of its own package alone, without
    /// a release.
    pub(crate) fn path(&self) -> PathBuf {
        static BUILT: Mutex<BTreeMap<&str, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());
        let built = Arc::clone(BUILT.lock().unwrap().entry(self.copy).or_default());
        built.get_or_init(|| self.copied()).clone()
    }

    /// A copy of what was built, made under a lock: nobody builds another one of this name meanwhile.
    fn copied(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let profile = if self.is_release { "release" } else { "debug" };
        let lock = fs::File::create(folder.join(format!("{profile}.lock"))).unwrap();
        lock.lock().unwrap();
        let copy = folder.join(self.copy);
        let new = folder.join(format!("{}-{}", self.copy, std::process::id()));
        fs::copy(self.build(), &new).unwrap();
        // Another test run may be using the former copy: it keeps it.
        fs::rename(&new, &copy).unwrap();
        copy
    }

    fn build(&self) -> PathBuf {
        let mut build = if self.is_release {
            Command::new(Checkout::root().join("tests/releases"))
        } else {
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .args(["build", "--quiet", "--workspace", "--test", "left_out", "--bin", self.name])
                .args(self.arguments);
            cargo
        };
        build.args(["--message-format", "json"]).current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit());
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
