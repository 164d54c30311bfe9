use std::process::Stdio;

use mojito_schema::Sqlite;
use rocket_mojito::MojitoFairing;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::help::words;
use super::{COMMAND_LINE, Desk, keys, program};
use crate::harness::{AUTH, BASE, TestBackend, TestServer, config, on_each_backend, until};

on_each_backend!(
    a_triggered_delivery_is_stored_as_it_was_set,
    a_resent_delivery_is_the_same_bytes_and_stands_in_the_audit,
    a_simulation_is_compared_with_the_database,
    the_examples_of_the_commands_that_send_run,
);

/// Writes the settings of a host at this port, with this secret of its default endpoint.
fn configure<B: TestBackend>(desk: &Desk<B>, port: u16, secret: &str) {
    let settings = format!(
        "[default]\nport = {port}\n[default.databases.mojito]\nurl = {:?}\n\
         [[default.mojito.endpoints.default.secrets]]\nid = \"test\"\nheader = {:?}\nvalue = {secret:?}\n",
        desk.store.url(),
        AUTH.0
    );
    std::fs::write(desk.folder.path().join("Rocket.toml"), settings).unwrap();
}

/// A host on the desk's database, and the settings beside it.
async fn host<B: TestBackend>(desk: &Desk<B>) -> TestServer {
    let host = TestServer::on(desk.store.url(), MojitoFairing::<B>::new(config())).await;
    configure(desk, host.address.port(), AUTH.1);
    host
}

async fn a_triggered_delivery_is_stored_as_it_was_set<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let host = host(&desk).await;
    std::fs::write(desk.folder.path().join("body.json"), "{\"no\": \"result\"}").unwrap();

    let sent = desk.json(&["trigger", "interview_result", "--set", "id=res_9", "--set", "score=4.25"]);
    let file = desk.json(&["trigger", "interview_failed", "--body", "body.json"]);

    let document = sent.documents().remove(0);
    assert_eq!(keys(&document).into_iter().collect::<Vec<_>>(), ["answer", "event", "result", "status", "url"]);
    assert_eq!((sent.code, &document["status"], &document["result"]), (0, &json!(200), &json!("res_9")));
    assert_eq!(document["url"], format!("http://{}{BASE}/interview_result", host.address));
    assert_eq!(desk.store.result("res_9").await.unwrap().snapshot.score, Some(4.25));
    assert_eq!(file.documents()[0]["status"], 200);
    assert_eq!(desk.store.newest_delivery().await.body.unwrap(), b"{\"no\": \"result\"}");
    host.stop().await;
}

async fn a_resent_delivery_is_the_same_bytes_and_stands_in_the_audit<B: TestBackend>() {
    let mut desk = Desk::<B>::seeded().await;
    let host = host(&desk).await;
    let url = format!("http://{}{BASE}", host.address);
    let triggered = desk.json(&["trigger", "interview_result"]).documents().remove(0);
    let id = triggered["answer"]["delivery"].as_str().unwrap();

    let resent = desk.json(&["resend", id, "--to", &url, "--because", "ticket 4711"]);
    let unknown = desk.run(&["resend", "4711", "--to", &url]);

    assert_eq!((resent.code, &resent.documents()[0]["answer"]), (0, &json!({ "delivery": id })), "a repeat");
    let newest = desk.store.newest_delivery().await;
    assert_eq!((newest.id.to_string().as_str(), newest.repeat_count), (id, 1));
    assert_eq!(desk.audited().await, ["reveal"]);
    assert!(unknown.code == 2 && unknown.error.contains("4711"), "{unknown:?}");
    host.stop().await;
}

async fn a_simulation_is_compared_with_the_database<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    let elsewhere = Desk::<B>::seeded().await;
    let host = host(&desk).await;
    configure(&elsewhere, host.address.port(), AUTH.1);
    let accidents = ["--duplicates", "30", "--reordered", "20", "--together", "20", "--lost", "20", "--cut", "20"];
    let simulate = |seed| [&["simulate", "--candidates", "15", "--seed", seed], &accidents[..]].concat();

    let agreed = desk.json(&simulate("7"));
    let again = desk.run(&simulate("7"));
    let lost = elsewhere.json(&simulate("8"));
    let unchecked = elsewhere.json(&[&simulate("9")[..], &["--unchecked"]].concat());

    let report = agreed.documents().remove(0);
    let fields = "acknowledged behind candidates cut_bodies faults given_up is_cancelled is_checked lost_answers posts \
                  refused results seed unanswered";
    assert_eq!(keys(&report).into_iter().collect::<Vec<_>>().join(" "), fields);
    assert_eq!((agreed.code, &report["faults"], &report["candidates"]), (0, &json!([]), &json!(15)), "{report}");
    assert!(report["lost_answers"].as_u64() > Some(0) && report["cut_bodies"].as_u64() > Some(0), "{report}");
    assert!(again.code == 2 && again.error.contains("take another"), "{again:?}");
    let faults = lost.documents().remove(0)["faults"].clone();
    assert_eq!((lost.code, &faults[0]["fault"]), (1, &json!("lost")), "another database: {lost:?}");
    assert_eq!((unchecked.code, &unchecked.documents()[0]["is_checked"]), (0, &json!(false)));
    host.stop().await;
}

async fn the_examples_of_the_commands_that_send_run<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    let host = host(&desk).await;

    for command in ["trigger", "resend", "simulate"] {
        let help = desk.run(&[command, "--help"]);
        let example = help.out.trim_end().lines().last().and_then(|line| line.strip_prefix("Example: rocket-mojito "));
        let example = words(example.unwrap_or_else(|| panic!("{command}: no example: {help:?}")));
        let port = format!(":{}/", host.address.port());
        let example: Vec<String> = example.iter().map(|word| word.replace(":8000/", &port)).collect();
        let arguments: Vec<&str> = example.iter().map(String::as_str).collect();

        let ended = desk.run(&arguments);

        assert!(ended.code == 0 && !ended.out.is_empty() && arguments[0] == command, "{arguments:?}: {ended:?}");
    }
    host.stop().await;
}

// Shows O29.
#[tokio::test(flavor = "multi_thread")]
async fn only_this_machine_is_sent_to_unless_more_is_allowed() {
    let desk = Desk::<Sqlite>::seeded().await;
    let host = host(&desk).await;
    let remote = ["--to", "http://192.0.2.1:1/webhooks"];

    for command in [&["trigger", "interview_result"][..], &["resend", "1"], &["simulate"]] {
        let refused = desk.run(&[command, &remote].concat());
        assert!(refused.code == 2 && refused.error.contains("--allow-remote"), "{command:?}: {refused:?}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_a_silence_are_told_apart() {
    let desk = Desk::<Sqlite>::seeded().await;
    let host = host(&desk).await;
    let port = host.address.port();
    let trigger = ["trigger", "interview_result"];

    configure(&desk, port, "another-secret-0123456789abcdef");
    let refused = desk.json(&trigger);
    host.stop().await;
    let unanswered = desk.run(&trigger);
    std::fs::remove_file(desk.folder.path().join("Rocket.toml")).unwrap();
    let without_settings = desk.run(&[&trigger[..], &["--database", desk.store.url()]].concat());

    assert_eq!((refused.code, &refused.documents()[0]["status"]), (1, &json!(401)), "{refused:?}");
    assert!(unanswered.code == 2 && unanswered.error.contains("no answer"), "{unanswered:?}");
    assert!(without_settings.code == 2 && without_settings.error.contains("Rocket.toml"), "{without_settings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_simulation_between_two_steps_with_a_report() {
    let mut desk = Desk::<Sqlite>::seeded().await;
    let host = host(&desk).await;
    let stored = desk.store.count_of_deliveries().await;
    let mut command = program(COMMAND_LINE.as_ref(), desk.folder.path());
    command.args(["simulate", "--candidates", "100000", "--rate", "200", "--json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    until("deliveries come", async || match desk.store.count_of_deliveries().await {
        count if count > stored + 5 => Ok(()),
        count => Err(count),
    })
    .await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{report}");
    assert_eq!(
        (&report["is_cancelled"], &report["faults"], &report["given_up"]),
        (&json!(true), &json!([]), &json!(0))
    );
    assert!(report["acknowledged"].as_u64() > Some(5), "{report}");
    host.stop().await;
}
