use std::collections::BTreeSet;

use serde_json::json;

use super::{CANARY, Desk, keys};
use crate::harness::{TestBackend, on_each_backend};

on_each_backend!(
    documents_have_these_fields,
    filters_and_pages_select,
    skipped_work_is_listed_and_replayed_and_is_no_backlog,
    nothing_personal_is_printed_unless_revealed,
    a_history_tells_who_waits_behind_whom,
    doctor_says_what_holds_and_what_to_do,
);

async fn documents_have_these_fields<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    desk.run(&["show", "1", "--reveal"]);

    let fields = |arguments: &[&str]| {
        let documents = desk.json(arguments).documents();
        keys(&documents[0]).into_iter().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };

    let delivery = "changes delivery endpoint event findings has_body last_repeat_at received_at repeats result secret \
                    standing version work";
    let work = "attempt delivery due_at finished_at handler has_error is_first lease_until max_attempts state";
    assert_eq!(fields(&["deliveries"]), delivery);
    assert_eq!(fields(&["history", "res_1"]), delivery);
    assert_eq!(fields(&["show", "1"]), delivery);
    assert_eq!(fields(&["show", "1", "--reveal"]), delivery.replace("result secret", "result revealed secret"));
    assert_eq!(fields(&["work"]), work);
    assert_eq!(fields(&["audit"]), "action actor affected at id reason target");
    assert_eq!(fields(&["doctor"]), "finding promise verdict");
    let status = desk.json(&["status"]).documents().remove(0);
    let counts = ["waiting", "running", "discarded", "quarantined"].map(|key| status[key].as_i64().unwrap());
    assert_eq!(keys(&status).len(), 9, "{status}");
    assert_eq!(counts, [2, 0, 1, 1], "{status}");
    assert_eq!(status["unattached"], json!(3));
    assert!(status["oldest_due"].is_string() && status["last_received"].is_string(), "{status}");
    assert_eq!(
        keys(&status["handlers"][0]),
        BTreeSet::from(["is_attached", "last_seen", "name", "retired_at", "waiting"])
    );
}

async fn filters_and_pages_select<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    desk.store.run("UPDATE mojito_deliveries SET received_at = '2026-01-01 00:00:00' WHERE id = 1").await;
    desk.store
        .run("UPDATE mojito_deliveries SET findings = '[{\"code\":\"wrong_type\",\"field\":\"score\"}]' WHERE id = 2")
        .await;

    let select = |conditions: &str| {
        let arguments: Vec<&str> = ["deliveries"].into_iter().chain(conditions.split_whitespace()).collect();
        desk.json(&arguments).numbers("delivery")
    };

    assert_eq!(select(""), [4, 3, 2, 1]);
    assert_eq!(select("--standing quarantined"), [4]);
    assert_eq!(select("--event interview_result"), [3, 2, 1]);
    assert_eq!(select("--result res_1"), [3, 1]);
    assert_eq!(select("--result res_1 --state discarded"), [1]);
    assert_eq!(select("--result res_1 --until 1h"), [1]);
    assert_eq!(select("--finding wrong_type"), [2]);
    assert_eq!(select("--since 1h"), [4, 3, 2]);
    assert_eq!(select("--until 2026-01-02T00:00:00Z"), [1]);
    assert_eq!(select("--handler Ledger --state pending"), [3, 2, 1]);
    assert_eq!(select("--limit 2"), [4, 3]);
    assert_eq!(select("--limit 2 --before 3"), [2, 1]);
    assert_eq!(select("--endpoint default --delivery 2"), [2]);
    assert_eq!(desk.json(&["work", "--state", "discarded"]).numbers("delivery"), [1]);
    assert!(desk.run(&["deliveries", "--limit", "2"]).out.ends_with("more: --before 3\n"));
    let unknown = desk.run(&["deliveries", "--handler", "HiringDisk"]);
    assert!(unknown.code == 2 && unknown.error.contains("HiringDisk"), "{unknown:?}");
}

async fn skipped_work_is_listed_and_replayed_and_is_no_backlog<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    desk.store.run("UPDATE mojito_work SET state = 'skipped' WHERE state = 'discarded'").await;

    let listed = desk.json(&["work", "--state", "skipped"]).numbers("delivery");
    let printed = desk.run(&["show", "1"]).out;
    let status = desk.json(&["status"]).documents().remove(0);
    let replayed = desk.run(&["replay", "--state", "skipped", "--yes"]);

    assert_eq!(listed, [1]);
    assert!(printed.contains("skipped"), "{printed}");
    assert_eq!((&status["discarded"], &status["waiting"]), (&json!(0), &json!(2)));
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert_eq!(desk.states().await[0], (1, "HiringDesk".to_owned(), "pending"));
}

async fn nothing_personal_is_printed_unless_revealed<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let looks: [&[&str]; 8] = [
        &["status"],
        &["deliveries"],
        &["work"],
        &["audit"],
        &["show", "1"],
        &["history", "res_1"],
        &["doctor"],
        &["show", "4"],
    ];

    for look in looks {
        for ended in [desk.run(look), desk.json(look)] {
            assert!(!format!("{ended:?}").contains(CANARY), "{look:?}: {ended:?}");
        }
    }
    assert_eq!(desk.audited().await, Vec::<&str>::new());

    let revealed = desk.run(&["show", "1", "--reveal", "--as", "berta", "--because", "ticket 4711"]);
    let document = desk.json(&["show", "1", "--reveal"]).documents().remove(0);

    assert_eq!(revealed.code, 0);
    assert!(revealed.out.contains("res_1 canary") && revealed.out.contains("canary: no printer"), "{revealed:?}");
    assert_eq!(document["revealed"]["body"], "res_1 canary");
    assert_eq!(document["revealed"]["errors"], json!([{ "handler": "HiringDesk", "error": "canary: no printer" }]));
    let audit = desk.store.audit().await;
    let named = |n: usize| (audit[n].actor.as_str(), audit[n].reason.as_deref(), audit[n].target.as_str());
    assert_eq!(named(0), ("berta", Some("ticket 4711"), r#"{"delivery":1}"#));
    assert_eq!((audit[0].action.as_str(), audit[0].affected, named(1).0), ("reveal", 1, "anna"));
}

async fn a_history_tells_who_waits_behind_whom<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;

    let history = desk.run(&["history", "res_1"]);

    assert_eq!(desk.json(&["history", "res_1"]).numbers("version"), [1, 2]);
    let lines = ["HiringDesk: 3 is next", "Ledger: 1 is next", "Ledger: 3 waits behind it"];
    assert!(history.out.ends_with(&(lines.join("\n") + "\n")), "{history:?}");
    assert_eq!(desk.json(&["history", "nobody"]).documents().len(), 0);
}

async fn doctor_says_what_holds_and_what_to_do<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;

    let warned = desk.json(&["doctor"]);
    desk.store.run("DELETE FROM mojito_work; DELETE FROM mojito_deliveries WHERE standing = 'quarantined'").await;
    desk.store.run("DELETE FROM mojito_handlers").await;
    let fine = desk.json(&["doctor"]);
    let empty = Desk::<B>::empty().await;
    let broken = empty.json(&["doctor", "--database", empty.store.url()]);

    let verdicts = |documents: Vec<serde_json::Value>, verdict: &str| {
        let of = documents.into_iter().filter(|check| check["verdict"] == *verdict);
        of.map(|check| check["promise"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned.code, 1);
    assert_eq!(verdicts(warned.documents(), "warning"), ["handlers", "dead", "quarantine"]);
    assert_eq!((fine.code, verdicts(fine.documents(), "fine").len()), (0, 10), "{fine:?}");
    assert_eq!(broken.code, 2);
    assert_eq!(verdicts(broken.documents(), "broken"), ["migrations"]);
}
