use std::path::Path;
use std::sync::Arc;

use mojito_schema::{Content, EventKind, Sqlite, Timestamp};
use serde_json::json;

use super::{COMMAND_LINE, Desk};
use crate::harness::deliveries::delivery;
use crate::harness::{Body, TestBackend, on_each_backend};

on_each_backend!(
    a_replay_is_planned_then_made,
    a_discard_gives_up_what_waits_alone,
    a_dismissal_clears_the_alarm_and_a_replay_brings_it_back,
    a_pause_stands_in_the_status_until_it_is_resumed,
    a_resumption_names_the_setting_that_still_pauses,
    a_prune_wants_the_settings_and_counts_first,
    a_replay_can_name_the_event_of_what_nobody_understood,
    an_erasure_counts_first_and_names_nobody,
    a_handler_that_is_attached_is_not_retired,
    tables_that_are_not_there_are_refused_until_they_are_migrated,
);

/// The work of the seeded desk, with the state of the first.
fn states(first: &'static str) -> Vec<(i64, String, &'static str)> {
    let row = |delivery, handler: &str, state| (delivery, handler.to_owned(), state);
    vec![
        row(1, "HiringDesk", first),
        row(1, "Ledger", "pending"),
        row(2, "HiringDesk", "pending"),
        row(2, "Ledger", "pending"),
        row(3, "HiringDesk", "pending"),
        row(3, "Ledger", "pending"),
    ]
}

// Shows O21.
async fn a_replay_is_planned_then_made<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let replay = ["replay", "--state", "discarded", "--handler", "HiringDesk"];

    let unasked = desk.run(&replay);
    let planned = desk.json(&[&replay[..], &["--dry-run"]].concat());
    let without_condition = desk.run(&["replay", "--yes"]);

    let plan = json!({ "action": "replay", "plan": { "deliveries": 1, "work": 1, "quarantined": 0 } });
    assert!(unasked.code == 2 && unasked.error.contains("--yes"), "{unasked:?}");
    assert!(without_condition.code == 2 && without_condition.error.contains("--all"), "{without_condition:?}");
    assert_eq!((planned.code, planned.documents()), (0, vec![plan.clone()]));
    assert_eq!((desk.states().await, desk.audited().await), (states("discarded"), vec![]));

    let done = desk.json(&[&replay[..], &["--yes", "--because", "the printer is back"]].concat());
    let again = desk.run(&[&replay[..], &["--yes"]].concat());

    let counts = json!({ "work": 1, "left_alone": 0, "admitted": 0, "still_quarantined": 0 });
    assert_eq!((done.code, done.documents()), (0, vec![plan, json!({ "action": "replay", "done": counts })]));
    assert!(again.code == 0 && again.out.ends_with("nothing to do\n"), "{again:?}");
    assert_eq!(desk.states().await, states("pending"));
    let audit = desk.store.audit().await;
    assert_eq!((audit.len(), audit[0].affected, audit[0].actor.as_str()), (1, 1, "anna"));
    assert_eq!(audit[0].reason.as_deref(), Some("the printer is back"));

    let still = desk.run(&["replay", "--standing", "quarantined", "--yes"]);
    assert!(still.code == 1 && still.out.contains("1 stay in quarantine"), "{still:?}");
}

async fn a_replay_can_name_the_event_of_what_nobody_understood<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let body = Body::result("res_9").without("interview_status").bytes();
    let untold = delivery(EventKind::Unknown, body, Content::Unusable { result_id: Some("res_9".to_owned()) });
    B::record(&mut desk.store.connection, Arc::new(vec![untold]), Timestamp::now()).await.unwrap();
    let replay = ["replay", "--as-event", "interview_failed", "--yes", "--delivery"];

    let refused = desk.run(&[&replay[..], &["2"]].concat());
    let no_kind = desk.run(&["replay", "--as-event", "unknown", "--delivery", "5", "--yes"]);
    let named = desk.run(&[&replay[..], &["5"]].concat());
    let unusable = desk.run(&[&replay[..], &["4"]].concat());

    assert!(refused.code == 2 && refused.error.contains("the delivery 2 is known"), "{refused:?}");
    assert_eq!(no_kind.code, 2, "{no_kind:?}");
    assert!(named.code == 0 && named.out.contains(", as `interview_failed`)"), "{named:?}");
    assert!(named.out.contains("1 were admitted, 0 stay in quarantine"), "{named:?}");
    assert!(unusable.code == 1 && unusable.out.contains("0 were admitted, 1 stay in quarantine"), "{unusable:?}");
    let listed = desk.json(&["deliveries", "--finding", "event_named"]);
    assert_eq!(listed.numbers("delivery"), [5]);
    assert_eq!(listed.documents()[0]["event"], "interview_failed");
}

async fn a_discard_gives_up_what_waits_alone<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;

    let planned = desk.json(&["discard", "--handler", "HiringDesk", "--dry-run"]).documents();
    let done = desk.json(&["discard", "--handler", "HiringDesk", "--yes"]).documents();

    assert_eq!(planned, [json!({ "action": "discard", "plan": { "work": 2 } })]);
    assert_eq!(done[1], json!({ "action": "discard", "done": { "work": 2 } }));
    let waiting = desk.states().await.into_iter().filter(|(_, _, state)| *state == "pending");
    assert_eq!(waiting.map(|(_, handler, _)| handler).collect::<Vec<_>>(), ["Ledger"; 3]);
}

// Shows O01.
async fn a_dismissal_clears_the_alarm_and_a_replay_brings_it_back<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let dead = ["work", "--state", "discarded"];

    let without_condition = desk.run(&["dismiss", "--yes"]);
    let planned = desk.json(&["dismiss", "--all", "--dry-run"]);
    let alarmed = desk.run(&["doctor"]);
    let before = desk.json(&dead).documents().remove(0);
    let done = desk.json(&["dismiss", "--all", "--yes", "--why", "they withdrew"]);
    let again = desk.run(&["dismiss", "--all", "--yes"]);
    let after = desk.json(&dead).documents().remove(0);
    let status = desk.json(&["status"]).documents().remove(0);
    let cleared = desk.run(&["doctor"]);

    assert!(without_condition.code == 2 && without_condition.error.contains("--all"), "{without_condition:?}");
    let plan = json!({ "action": "dismiss", "plan": { "work": 1, "quarantined": 1 } });
    let counts = json!({ "action": "dismiss", "done": { "work": 1, "quarantined": 1 } });
    assert_eq!((planned.code, planned.documents()), (0, vec![plan.clone()]));
    assert_eq!((done.code, done.documents()), (0, vec![plan, counts]));
    assert!(again.code == 0 && again.out.ends_with("nothing to do\n"), "{again:?}");
    assert!(before["dismissed_at"].is_null() && after["dismissed_at"].is_string(), "{before} {after}");
    assert_eq!((&status["discarded"], &status["quarantined"]), (&json!(0), &json!(0)));
    let is_warned =
        |out: &str, promise: &str| out.lines().any(|line| line.starts_with("warning") && line.contains(promise));
    for promise in [" dead ", " quarantine "] {
        assert!(is_warned(&alarmed.out, promise) && !is_warned(&cleared.out, promise), "{alarmed:?} {cleared:?}");
    }
    let audit = desk.store.audit().await;
    assert_eq!(
        (audit[0].action.as_str(), audit[0].affected, audit[0].reason.as_deref()),
        ("dismiss", 2, Some("they withdrew"))
    );
    desk.run(&["replay", "--state", "discarded", "--yes"]);
    assert_eq!(desk.states().await, states("pending"));
    assert!(desk.store.work().await.iter().all(|row| row.dismissed_at.is_none()));
}

// Shows O04.
async fn a_pause_stands_in_the_status_until_it_is_resumed<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let pause = ["pause", "handler", "HiringDesk", "--why", "no paper"];

    let unasked = desk.run(&pause);
    let unknown = desk.run(&["pause", "endpoint", "defualt", "--yes"]);
    let planned = desk.json(&[&pause[..], &["--dry-run"]].concat()).documents();
    let before = desk.json(&["status"]).documents().remove(0);
    let done = desk.json(&[&pause[..], &["--yes"]].concat()).documents();
    let again = desk.run(&["pause", "handler", "HiringDesk", "--why", "no ink", "--yes"]);
    let paused = desk.json(&["status"]).documents().remove(0);
    let resumed = desk.json(&["resume", "handler", "HiringDesk", "--yes"]).documents();
    let after = desk.json(&["status"]).documents().remove(0);
    let nothing = desk.run(&["resume", "handler", "HiringDesk", "--yes"]);

    let named = json!({ "kind": "handler", "name": "HiringDesk" });
    assert!(unasked.code == 2 && unasked.error.contains("--yes"), "{unasked:?}");
    assert!(unknown.code == 2 && unknown.error.contains("defualt"), "{unknown:?}");
    assert_eq!(planned, [json!({ "action": "pause", "plan": named })]);
    assert_eq!(done[1], json!({ "action": "pause", "done": named }));
    assert_eq!(resumed[1], json!({ "action": "resume", "done": named }));
    assert!(again.code == 0 && again.out.contains("was paused before"), "{again:?}");
    assert!(nothing.code == 0 && nothing.out.contains("was not paused"), "{nothing:?}");
    let empty = json!([]);
    assert_eq!((&before["pauses"], &after["pauses"]), (&empty, &empty));
    let pause = &paused["pauses"][0];
    let facts = ["kind", "name", "actor", "reason"].map(|key| pause[key].as_str().unwrap());
    assert_eq!((facts, &pause["setting"]), (["handler", "HiringDesk", "anna", "no paper"], &json!(null)));
    assert!(pause["since"].is_string() && pause.as_object().unwrap().len() == 6, "{pause}");
    assert_eq!(desk.audited().await, ["pause", "pause", "resume", "resume"]);
    assert_eq!(desk.store.audit().await[0].target, r#"{"handler":"HiringDesk"}"#);
}

// Shows O04.
async fn a_resumption_names_the_setting_that_still_pauses<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    let file = desk.folder.path().join("Rocket.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{settings}paused_handlers = [\"HiringDesk\"]\n")).unwrap();

    let status = desk.json(&["status"]).documents().remove(0);
    let resumed = desk.run(&["resume", "handler", "HiringDesk", "--yes"]);

    let pause = json!({ "kind": "handler", "name": "HiringDesk", "since": null, "actor": null, "reason": null,
                        "setting": "mojito.paused_handlers" });
    assert_eq!(status["pauses"], json!([pause]));
    assert!(resumed.code == 2 && resumed.error.contains("`mojito.paused_handlers`"), "{resumed:?}");
}

async fn a_prune_wants_the_settings_and_counts_first<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    desk.store
        .run("DELETE FROM mojito_work; UPDATE mojito_deliveries SET received_at = '2020-01-01 00:00:00' WHERE id <= 2")
        .await;
    let elsewhere = tempfile::tempdir().unwrap();

    let mut bare = super::program(Path::new(COMMAND_LINE), elsewhere.path());
    let bare = super::Ended::of(bare.args(["prune", "--yes", "--database", desk.store.url()]));
    let planned = desk.json(&["prune", "--dry-run"]).documents();
    let bodies = desk.store.deliveries().await.iter().filter(|row| row.body.is_some()).count();
    let done = desk.json(&["prune", "--yes"]).documents();

    assert!(bare.code == 2 && bare.error.contains("retention"), "{bare:?}");
    let counts = json!({ "bodies": 2, "deliveries": 1, "body_retention_days": 90, "retention_days": 400 });
    assert_eq!((planned, bodies), (vec![json!({ "action": "prune", "plan": counts })], 4));
    assert_eq!(done[1], json!({ "action": "prune", "done": { "bodies": 2, "deliveries": 1, "work": 0 } }));
    assert_eq!(desk.store.deliveries().await.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 3, 4]);
}

// Shows O21.
async fn an_erasure_counts_first_and_names_nobody<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;

    let unnamed = desk.run(&["erase", "--yes"]);
    let planned = desk.run(&["erase", "--result", "res_1", "--dry-run"]);
    let kept = desk.store.deliveries_of("res_1").await.len();
    let done = desk.run(&["erase", "--result", "res_1", "--yes"]);

    assert_eq!(unnamed.code, 2);
    assert!(planned.code == 0 && planned.out.contains("for good, of 1 results, 2 bodies"), "{planned:?}");
    assert!([0, 1].contains(&done.code) && done.out.contains("done: 1 results, 2 bodies"), "{done:?}");
    assert!(!format!("{planned:?}{done:?}").contains("res_1"), "{done:?}");
    assert_eq!((kept, desk.audited().await), (2, vec!["erase"]));
    assert!(desk.store.deliveries_of("res_1").await.iter().all(|row| row.body.is_none()));
}

async fn a_handler_that_is_attached_is_not_retired<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;

    let attached = desk.run(&["retire", "HiringDesk", "--yes"]);
    let unknown = desk.run(&["retire", "HiringDisk", "--yes"]);
    let planned = desk.json(&["retire", "Ledger", "--dry-run"]).documents();
    let done = desk.json(&["retire", "Ledger", "--yes"]).documents();

    assert!(attached.code == 2 && attached.error.contains("is attached"), "{attached:?}");
    assert!(unknown.code == 2 && unknown.error.contains("`HiringDesk`, `Ledger`"), "{unknown:?}");
    assert_eq!(planned, [json!({ "action": "retire", "plan": { "work": 3 } })]);
    assert_eq!(done[1], json!({ "action": "retire", "done": { "work": 3 } }));
    assert_eq!(desk.audited().await, ["retire"]);
}

async fn tables_that_are_not_there_are_refused_until_they_are_migrated<B: TestBackend>() {
    let desk = Desk::<B>::empty().await;
    let on = |command: &str| desk.run(&[command, "--database", desk.store.url()]);

    let (before, ran, again, after) = (on("status"), on("migrate"), on("migrate"), on("status"));

    assert!(before.code == 2 && before.error.contains("run `migrate`"), "{before:?}");
    assert!(ran.code == 0 && ran.out.starts_with("ran 0001_create_tables\n"), "{ran:?}");
    assert_eq!((again.code, again.out.as_str()), (0, "every migration had run already\n"));
    assert_eq!(after.code, 0, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_path_makes_no_file() {
    let desk = Desk::<Sqlite>::empty().await;
    let typo = desk.folder.path().join("typo.db");

    let ended = desk.run(&["status", "--database", "typo.db"]);
    let prefixed = desk.run(&["migrate", "--database", "sqlite:new.db"]);

    assert!(ended.code == 2 && !typo.exists(), "{ended:?}");
    assert!(prefixed.code == 0 && desk.folder.path().join("new.db").exists(), "{prefixed:?}");
}
