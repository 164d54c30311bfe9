use std::path::Path;

use super::{Desk, Ended, program};
use crate::harness::{SECRET, TestBackend, eventually, on_each_backend};

on_each_backend!(a_host_with_arguments_answers_and_registers_nothing, a_host_with_arguments_migrates_nothing,);

/// A host in this folder with arguments, whose one handler is called `effects`.
fn host(folder: &Path, url: &str, arguments: &[&str]) -> Ended {
    let mut host = program(Path::new(env!("CARGO_BIN_EXE_fault-host")), folder);
    let secret =
        format!("{{endpoints={{default={{secrets=[{{id=\"a\",header=\"X-Mojito-Secret\",value={SECRET:?}}}]}}}}}}");
    host.env("ROCKET_DATABASES", format!("{{mojito={{url={url:?}}}}}"))
        .env("ROCKET_MOJITO", secret)
        .env("FAULT_HANDLERS", "effects:plain")
        .env("FAULT_JOURNAL", folder.join("journal"))
        .env("FAULT_ADDRESS", folder.join("address"));
    Ended::of(host.args(arguments))
}

async fn a_host_with_arguments_answers_and_registers_nothing<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let run = |arguments: &[&str]| host(desk.folder.path(), desk.store.url(), arguments);

    let status = run(&["mojito", "status", "--json"]);
    let paused = run(&["mojito", "deliveries", "--handler", "effects", "--json"]);
    let help = run(&["mojito", "replay", "--help"]);
    let replayed = run(&["mojito", "replay", "--state", "discarded", "--yes", "--json"]);
    let pruned = run(&["mojito", "prune", "--dry-run", "--json"]);
    let unknown = run(&["serve"]);

    let names = status.documents()[0]["handlers"].as_array().unwrap().len();
    assert_eq!((status.code, names), (0, 2), "its own handler is not entered: {status:?}");
    assert_eq!((paused.code, paused.documents().len()), (0, 0), "the name of its own handler is known");
    assert!(help.out.contains("Example: fault-host mojito replay "), "{help:?}");
    assert_eq!((replayed.code, replayed.documents().len(), pruned.code, unknown.code), (0, 2, 0, 2), "{unknown:?}");
    assert!(!desk.folder.path().join("address").exists(), "it never listened");
    eventually("nothing runs", || std::fs::read(desk.folder.path().join("journal")).unwrap().is_empty()).await;
    assert!(desk.states().await.iter().all(|(_, _, state)| *state == "pending"));
}

async fn a_host_with_arguments_migrates_nothing<B: TestBackend>() {
    let desk = Desk::<B>::empty().await;

    let ended = host(desk.folder.path(), desk.store.url(), &["mojito", "status"]);
    let doctor = host(desk.folder.path(), desk.store.url(), &["mojito", "doctor"]);

    assert!(ended.code == 2 && ended.error.contains("run `migrate`"), "{ended:?}");
    assert_eq!(doctor.code, 2, "{doctor:?}");
    let again = desk.run(&["migrate", "--database", desk.store.url()]);
    assert!(again.out.starts_with("ran 0001_create_tables\n"), "a table was made before: {again:?}");
}
