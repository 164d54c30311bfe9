//! The compiler's answers to the mistakes that a host's author makes.
//!
//! A program of its own: other test programs do not run beside it, so it takes the processor from none. It compiles one
//! small crate for each mistake, on the dependencies that the tests have built already.

#![cfg(mojito_internals)]

use std::process::Command;

/// Each mistake of `mistakes.rs`, with parts of the answer to it.
const ANSWERS: [(&str, &[&str]); 5] = [
    ("no_async_trait", &["lifetimes do not match method in trait", "#[rocket::async_trait]"]),
    (
        "another_database",
        &[
            "`HiringDesk` handles no deliveries from a database of the kind `Postgres`",
            "this is no `MojitoHandler<Postgres>`",
            "write `#[rocket::async_trait] impl MojitoHandler<Postgres> for HiringDesk",
        ],
    ),
    ("no_database", &["`HiringDb` is no database of the plugin", "write `Sqlite`, or `Postgres` with the feature"]),
    ("another_pool", &["type mismatch resolving", "Pool"]),
    ("guard_without_data", &["`MojitoEvent: FromRequest<'_>` is not satisfied"]),
];

/// The compiler's answer to one mistake. None where it takes it.
fn answer(mistake: &str) -> Option<String> {
    let mut cargo = Command::new(env!("CARGO"));
    // These are of this program's own package: see `tests/programs`.
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo.args(["rustc", "--quiet", "-p", "mojito-tests", "--example", "mistakes", "--"]);
    cargo.args(["--cfg", &format!("mistake=\"{mistake}\"")]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo runs");
    (!output.status.success()).then(|| String::from_utf8(output.stderr).expect("the compiler writes text"))
}

#[test]
fn mistakes_of_hosts_are_answered_with_advice() {
    for (mistake, parts) in ANSWERS {
        let answer = answer(mistake).unwrap_or_else(|| panic!("`{mistake}` compiles"));

        for part in parts {
            assert!(answer.contains(part), "`{part}` in the answer to `{mistake}`: {answer}");
        }
    }
    assert_eq!(answer("none"), None, "what is around the mistakes compiles");
}
