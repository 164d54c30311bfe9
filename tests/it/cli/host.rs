use std::path::Path;
use std::sync::Arc;

use rocket_mojito::internals::delivery;
use serde_json::{Value, json};

use super::{CANARY, Desk, Ended, keys, program};
use crate::conformance::handler;
use crate::harness::{Body, SECRET, Store, TestBackend, eventually, on_each_backend, record_all};

on_each_backend!(
    a_host_with_arguments_answers_and_registers_nothing,
    a_host_with_arguments_migrates_nothing,
    a_host_with_arguments_rehearses_its_handler,
    the_example_of_a_rehearsal_runs_in_a_host,
);

/// A host in this folder with arguments, whose one handler is called `effects`.
fn host(folder: &Path, url: &str, arguments: &[&str]) -> Ended {
    host_with("effects:plain", folder, url, arguments)
}

/// The same with another handler.
fn host_with(handler: &str, folder: &Path, url: &str, arguments: &[&str]) -> Ended {
    let mut host = program(Path::new(env!("CARGO_BIN_EXE_fault-host")), folder);
    let secret =
        format!("{{endpoints={{default={{secrets=[{{id=\"a\",header=\"X-Mojito-Secret\",value={SECRET:?}}}]}}}}}}");
    host.env("ROCKET_DATABASES", format!("{{mojito={{url={url:?}}}}}"))
        .env("ROCKET_MOJITO", secret)
        .env("FAULT_HANDLERS", handler)
        .env("FAULT_JOURNAL", folder.join("journal"))
        .env("FAULT_ADDRESS", folder.join("address"));
    Ended::of(host.args(arguments))
}

// Shows O23.
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

// Shows O23.
async fn a_host_with_arguments_migrates_nothing<B: TestBackend>() {
    let desk = Desk::<B>::empty().await;

    let ended = host(desk.folder.path(), desk.store.url(), &["mojito", "status"]);
    let doctor = host(desk.folder.path(), desk.store.url(), &["mojito", "doctor"]);

    assert!(ended.code == 2 && ended.error.contains("run `migrate`"), "{ended:?}");
    assert_eq!(doctor.code, 2, "{doctor:?}");
    let again = desk.run(&["migrate", "--database", desk.store.url()]);
    assert!(again.out.starts_with("ran 0001_create_tables\n"), "a table was made before: {again:?}");
}

// Shows O10.
async fn a_host_with_arguments_rehearses_its_handler<B: TestBackend>() {
    let mut desk = Desk { store: Store::<B>::open().await, folder: tempfile::tempdir().unwrap() };
    desk.store
        .run(
            "CREATE TABLE effects (delivery_id BIGINT, result_id TEXT, version BIGINT, handler TEXT, attempt INTEGER,
             process BIGINT)",
        )
        .await;
    let batch = ["r-1", "poison-1"].map(|id| delivery(Body::result(id).bytes())).into();
    record_all::<B>(&mut desk.store.connection, batch, Arc::new(vec![handler("effects")])).await.unwrap();
    let before = desk.states().await;
    let run = |arguments: &[&str]| {
        let arguments = [&["mojito", "rehearse", "--handler", "effects"], arguments].concat();
        host_with("effects:refuse", desk.folder.path(), desk.store.url(), &arguments)
    };

    let unasked = run(&[]);
    let planned = run(&["--dry-run", "--json"]);
    let masked = run(&["--yes", "--json"]);
    let revealed = run(&["--yes", "--json", "--reveal", "--delivery", "2"]);
    let table = run(&["--yes"]);
    let cut = run(&["--yes", "--json", "--limit", "1"]);
    let dead = run(&["--yes", "--json", "--state", "discarded"]);

    let plan = json!({ "action": "rehearse", "plan": { "deliveries": 2 } });
    assert!(unasked.code == 2 && unasked.error.contains("--yes"), "{unasked:?}");
    assert_eq!((planned.code, planned.documents()), (0, vec![plan.clone()]));
    let [first, done, refused, end] = &masked.documents()[..] else { panic!("{masked:?}") };
    let changes = json!([{ "table": "effects", "inserted": 1, "updated": 0, "deleted": 0 }]);
    let row = |delivery: i64, answer: &str, has_error: bool, changes: &Value| {
        let (handler, reason) = ("effects", Value::Null);
        json!({ "delivery": delivery, "handler": handler, "answer": answer, "reason": reason, "has_error": has_error,
            "changes": changes })
    };
    assert_eq!((masked.code, first, done), (1, &plan, &row(1, "ok", false, &changes)));
    assert_eq!(refused, &row(2, "discard", true, &json!([])));
    let counts = json!({ "ok": 1, "retry": 0, "discard": 1, "panic": 0, "timed_out": 0, "not_rehearsed": 0,
        "next_after": null });
    assert_eq!(end, &json!({ "action": "rehearse", "done": counts }));
    assert!(!masked.out.contains(CANARY) && !table.out.contains(CANARY), "{masked:?}{table:?}");
    assert!(table.out.contains("effects +1 ~0 -0") && table.out.contains("1 would fail"), "{table:?}");
    assert!(revealed.out.contains(CANARY) && keys(&revealed.documents()[1]).contains("error"), "{revealed:?}");
    assert_eq!((cut.code, &cut.documents()[2]["done"]["next_after"]), (0, &json!(1)));
    assert_eq!((dead.code, dead.documents().len()), (0, 1), "no work of this handler is dead: {dead:?}");
    assert_eq!((desk.states().await, desk.audited().await), (before, vec!["rehearse"; 4]));
    assert_eq!(desk.store.texts("SELECT result_id AS value FROM effects").await, [""; 0]);
    let audit = desk.store.audit().await;
    assert!(audit[1].target.contains(r#""reveals_errors":true"#), "{:?}", audit[1].target);
    assert!(!audit[0].target.contains("reveals_errors"), "{:?}", audit[0].target);
}

async fn the_example_of_a_rehearsal_runs_in_a_host<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    let run = |arguments: &[&str]| host_with("HiringDesk:plain", desk.folder.path(), desk.store.url(), arguments);

    let help = run(&["mojito", "rehearse", "--help"]);
    let example = help.out.trim_end().lines().last().and_then(|line| line.strip_prefix("Example: fault-host "));
    let ended = run(&example.unwrap().split_whitespace().collect::<Vec<_>>());

    // The body of the dead delivery is no JSON.
    assert!(ended.code == 1 && ended.out.contains("1 would fail"), "{ended:?}");
}
