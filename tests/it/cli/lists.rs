use std::collections::BTreeSet;
use std::sync::Arc;

use rocket_mojito::internals::delivery;
use serde_json::{Value, json};

use super::{CANARY, Desk, Ended, keys};
use crate::harness::{Body, Store, TestBackend, on_each_backend, record_all};

on_each_backend!(
    documents_have_these_fields,
    filters_and_pages_select,
    a_delivery_shows_its_attempts,
    errors_are_grouped_and_select,
    skipped_work_is_listed_and_replayed_and_is_no_backlog,
    nothing_personal_is_printed_unless_revealed,
    a_history_tells_who_waits_behind_whom,
    doctor_says_what_holds_and_what_to_do,
    drift_tells_what_bodies_and_documents_have_beyond_this_version,
);

async fn documents_have_these_fields<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    desk.run(&["show", "1", "--reveal"]);

    let fields = |arguments: &[&str]| {
        let documents = desk.json(arguments).documents();
        keys(&documents[0]).into_iter().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };

    let delivery = "changes delivery dismissed_at endpoint event findings has_body last_repeat_at received_at repeats result secret \
                    standing version work";
    let work = "attempt delivery dismissed_at due_at error_group finished_at handler has_error is_first lease_until \
                max_attempts state";
    assert_eq!(fields(&["deliveries"]), delivery);
    assert_eq!(fields(&["history", "res_1"]), delivery);
    let shown = delivery.replace("changes", "attempts changes");
    assert_eq!(fields(&["show", "1"]), shown);
    assert_eq!(fields(&["show", "1", "--reveal"]), shown.replace("result secret", "result revealed secret"));
    assert_eq!(fields(&["work"]), work);
    assert_eq!(fields(&["errors"]), "count error first_received_at handler last_received_at sample");
    assert_eq!(fields(&["audit"]), "action actor affected at id meant reason state target");
    assert_eq!(fields(&["doctor"]), "finding promise verdict");
    let status = desk.json(&["status"]).documents().remove(0);
    let counts = ["waiting", "running", "discarded", "quarantined"].map(|key| status[key].as_i64().unwrap());
    assert_eq!((keys(&status).len(), &status["pauses"]), (12, &json!([])), "{status}");
    assert_eq!(counts, [2, 0, 1, 1], "{status}");
    assert_eq!(status["unattached"], json!(3));
    assert!(status["oldest_due"].is_string() && status["last_received"].is_string(), "{status}");
    assert_eq!(
        keys(&status["handlers"][0]),
        BTreeSet::from([
            "discarded",
            "is_attached",
            "last_seen",
            "name",
            "oldest_due",
            "retired_at",
            "running",
            "waiting"
        ])
    );
    let endpoint = &status["endpoints"][0];
    let expected = json!({
        "name": "default", "waiting": 3, "oldest_waiting": endpoint["oldest_waiting"], "quarantined": 1, "is_cut": false,
        "last_received": "2026-01-02T00:00:00Z",
        "secrets": [{ "id": "test", "last_used_at": "2026-01-02T00:00:00Z", "is_configured": null }],
    });
    assert_eq!((endpoint, endpoint["oldest_waiting"].is_string()), (&expected, true));
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

// Shows O08.
async fn errors_are_grouped_and_select<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    desk.store
        .run(
            "UPDATE mojito_work SET state = 'discarded', finished_at = '2026-01-01 00:00:00', is_first = false,
                 last_error = 'no ink', error_group = 'no ink' WHERE delivery_id = 2",
        )
        .await;

    let errors = desk.json(&["errors"]).documents();
    let largest = desk.run(&["errors", "--limit", "1"]);
    let of_one = desk.json(&["errors", "--handler", "Ledger"]).documents();

    let told = |group: &Value| (group["handler"].clone(), group["error"].clone(), group["count"].clone());
    let printer = (json!("HiringDesk"), json!("no printer for #"), json!(1));
    let ink = |handler: &str| (json!(handler), json!("no ink"), json!(1));
    assert_eq!(errors.iter().map(told).collect::<Vec<_>>(), [ink("HiringDesk"), printer, ink("Ledger")]);
    assert_eq!(of_one.iter().map(told).collect::<Vec<_>>(), [ink("Ledger")]);
    assert!(largest.out.ends_with("smaller groups: 2, see --limit\n"), "{largest:?}");
    let group = errors[1]["error"].as_str().unwrap();
    for text in [group, "no printer for \"somebody else\""] {
        assert_eq!(desk.json(&["work", "--error", text]).numbers("delivery"), [1]);
        assert_eq!(desk.json(&["deliveries", "--error", text, "--state", "discarded"]).numbers("delivery"), [1]);
        assert_eq!(desk.json(&["deliveries", "--error", text, "--handler", "Ledger"]).documents().len(), 0);
    }
    assert_eq!(desk.json(&["work"]).documents()[2]["error_group"], "no ink");
    let discard = desk.json(&["discard", "--error", group, "--dry-run"]).documents();
    let replay = desk.json(&["replay", "--error", group, "--yes"]).documents();
    assert_eq!((&discard[0]["plan"]["work"], &replay[1]["done"]["work"]), (&json!(0), &json!(1)));
    assert_eq!(desk.json(&["errors", "--error", group]).documents().len(), 0, "it waits again, and has not failed");
    assert_eq!(
        desk.store.audit().await[0].target,
        r##"{"handler":null,"per_second":50,"selection":{"error":"no printer for #"}}"##
    );
}

async fn a_delivery_shows_its_attempts<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    desk.store
        .run(
            "INSERT INTO mojito_attempts (delivery_id, handler, attempt, started_at, ended_at, outcome, error)
             VALUES (1, 'HiringDesk', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:01', 'timed_out', NULL),
                    (1, 'Ledger', 1, NULL, '2026-01-01 00:00:02', 'failed', 'no ink for \"canary\"'),
                    (1, 'HiringDesk', 2, NULL, '2026-01-01 00:00:03', 'failed', 'no printer for \"canary\"')",
        )
        .await;

    let shown = desk.json(&["show", "1"]).documents().remove(0);
    let table = desk.run(&["show", "1"]);
    let revealed = desk.json(&["show", "1", "--reveal"]).documents().remove(0);

    let expected = json!({
        "handler": "HiringDesk", "attempt": 1, "outcome": "timed_out", "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "2026-01-01T00:00:01Z", "has_error": false,
    });
    let attempts = shown["attempts"].as_array().unwrap();
    let of = |attempt: &Value| (attempt["handler"].clone(), attempt["attempt"].clone());
    assert_eq!(attempts[0], expected);
    let told: Vec<_> = attempts.iter().map(of).collect();
    assert_eq!(told, [(json!("HiringDesk"), json!(1)), (json!("HiringDesk"), json!(2)), (json!("Ledger"), json!(1))]);
    assert!(!format!("{shown} {table:?}").contains(CANARY), "{table:?}");
    assert!(table.out.contains("timed_out") && table.out.contains("2026-01-01T00:00:01Z"), "{table:?}");
    let ink = json!({ "handler": "Ledger", "attempt": 1, "error": "no ink for \"canary\"" });
    assert_eq!(revealed["revealed"]["attempts"][1], ink);
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

// Shows O22.
async fn nothing_personal_is_printed_unless_revealed<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let looks: [&[&str]; 9] = [
        &["errors"],
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
    assert!(
        revealed.out.contains("res_1 canary") && revealed.out.contains("no printer for \"canary\""),
        "{revealed:?}"
    );
    assert_eq!(document["revealed"]["body"], "res_1 canary");
    assert_eq!(
        document["revealed"]["errors"],
        json!([{ "handler": "HiringDesk", "error": "no printer for \"canary\"" }])
    );
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
    let settings =
        format!("[default.databases.mojito]\nurl = {:?}\n[default.mojito]\nrequire_standby = true\n", desk.store.url());
    std::fs::write(desk.folder.path().join("Rocket.toml"), settings).unwrap();
    let required = desk.json(&["doctor"]);
    let empty = Desk::<B>::empty().await;
    let broken = empty.json(&["doctor", "--database", empty.store.url()]);

    let verdicts = |documents: Vec<Value>, verdict: &str| {
        let of = documents.into_iter().filter(|check| check["verdict"] == *verdict);
        of.map(|check| check["promise"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned.code, 1);
    assert_eq!(verdicts(warned.documents(), "warning"), ["handlers", "dead", "quarantine"]);
    assert_eq!((fine.code, verdicts(fine.documents(), "fine").len()), (0, 11), "{fine:?}");
    assert_eq!((required.code, verdicts(required.documents(), "broken")), (2, vec!["standby".to_owned()]));
    assert_eq!(broken.code, 2);
    assert_eq!(verdicts(broken.documents(), "broken"), ["migrations"]);
}

async fn drift_tells_what_bodies_and_documents_have_beyond_this_version<B: TestBackend>() {
    let mut desk = Desk { store: Store::<B>::open().await, folder: tempfile::tempdir().unwrap() };
    let bodies = ["1", "2", "3"].map(|id| Body::result(id).with("mood", CANARY).with("status", "thawed"));
    let batch = bodies.iter().map(|body| delivery(body.bytes())).collect();
    record_all::<B>(&mut desk.store.connection, batch, Arc::new(Vec::new())).await.unwrap();
    let document =
        r#"{"components":{"schemas":{"WebhookInterviewResultPayload":{"properties":{"id":{"type":"string"}}}}}}"#;
    std::fs::write(desk.folder.path().join("newer.json"), document).unwrap();
    let run = |arguments: &[&str]| {
        let place = ["--database", desk.store.url(), "--json"];
        desk.run(&[&["drift"], arguments, &place].concat())
    };

    let (stored, newest, newer, none) = (run(&[]), run(&["--newest", "1"]), run(&["newer.json"]), run(&["no.json"]));

    let told = |ended: &Ended| {
        let documents = ended.documents();
        let row = |one: &Value| format!("{} {} {} {}", one["kind"], one["key"], one["found"], one["count"]);
        documents.iter().map(row).map(|row| row.replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(
        (stored.code, told(&stored)),
        (1, vec!["key mood string 3".to_owned(), "word status thawed 3".to_owned()])
    );
    assert_eq!((newest.code, told(&newest)[0].as_str()), (1, "key mood string 1"));
    assert!(newer.code == 1 && told(&newer).contains(&"missing score  1".to_owned()), "{newer:?}");
    assert!(none.code == 2 && none.error.contains("no.json"), "{none:?}");
    assert!(!stored.out.contains(CANARY), "{stored:?}");
}
