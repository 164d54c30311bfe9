use std::path::Path;
use std::process::Command;

use crate::harness::run;

// Shows F18.
#[test]
fn one_sqlite_is_linked_and_it_is_the_bundled_one() {
    let metadata = run(Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR")));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();

    let linked: Vec<&str> = packages
        .iter()
        .filter(|package| package["links"] == "sqlite3")
        .map(|package| package["id"].as_str().unwrap())
        .collect();

    assert_eq!(linked.len(), 1, "{linked:?}");
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["id"] == linked[0]).unwrap();
    assert!(node["features"].as_array().unwrap().contains(&"bundled".into()), "{node}");
}

// Shows F18.
/// Two libraries in one process would each drop the other's locks on the file.
#[test]
fn a_host_that_brings_a_sqlite_of_its_own_does_not_build() {
    let folder = tempfile::tempdir().unwrap();
    let package = |name: &str, rest: &str| {
        let folder = folder.path().join(name);
        std::fs::create_dir_all(folder.join("src")).unwrap();
        std::fs::write(folder.join("src/lib.rs"), "").unwrap();
        std::fs::write(folder.join("build.rs"), "fn main() {}").unwrap();
        let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        std::fs::write(folder.join("Cargo.toml"), head + rest).unwrap();
        folder
    };
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    package("other-sqlite", "links = \"sqlite3\"\n");
    let ours = format!("mojito-schema = {{ path = {:?} }}\n", top.join("diesel-schema"));
    let host = package("host", &format!("[dependencies]\n{ours}other-sqlite = {{ path = \"../other-sqlite\" }}\n"));
    std::fs::copy(top.join("Cargo.lock"), host.join("Cargo.lock")).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .current_dir(host)
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it would build");
    assert!(
        said.contains("links to the native library `sqlite3`") || said.contains("native library `sqlite3`"),
        "{said}"
    );
}
