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
