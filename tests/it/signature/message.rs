use mojito_schema::{Changes, Finding, FindingCode, Findings, Standing};
use rocket_mojito::{Actor, EndpointConfig, MojitoConfig, Replay, SecretConfig, Selection};

use crate::harness::{Answer, BASE, Body, Host, Signer};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn key_alone(config: MojitoConfig) -> MojitoConfig {
    let endpoint = EndpointConfig::new().secret(SecretConfig::standard_webhooks("gateway", KEY));
    config.endpoint("default", endpoint)
}

/// Posts as the gateway does: signed so many seconds ago.
async fn post(host: &Host, id: &str, body: &[u8], seconds_ago: i64) -> Answer {
    let signer = Signer { key: KEY, sent_at: Signer::now(KEY).sent_at - seconds_ago };
    let headers = signer.standard_webhooks(id, body);
    let answer = host.post_with(&format!("{BASE}/interview_result"), &headers.as_pairs(), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn scored(score: u32) -> Vec<u8> {
    Body::result("r-1").with("score", score).bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_a_fresh_signature_is_a_repeat() {
    let host = Host::builder().config(key_alone).start().await;

    let first = post(&host, "msg_1", &scored(1), 60).await;
    let retry = post(&host, "msg_1", &scored(1), 0).await;

    assert_eq!(first.but_date(), retry.but_date());
    let kept = host.database.deliveries();
    assert_eq!((kept.len(), kept[0].repeat_count), (1, 1));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_replayed_after_a_newer_one_does_not_move_the_state_back() {
    let host = Host::builder().config(key_alone).start().await;
    let older = post(&host, "msg_1", &scored(1), 10).await;
    post(&host, "msg_2", &scored(2), 5).await;

    let replayed = post(&host, "msg_1", &scored(1), 10).await;

    assert_eq!(replayed.delivery(), older.delivery());
    let state = host.database.results().remove(0);
    assert_eq!((state.version, state.snapshot.score), (2, Some(2.0)));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_used_again_for_another_body_loses_neither() {
    let host = Host::builder().config(key_alone).start().await;
    let bodies: [&[u8]; 3] = [&scored(1), &scored(2), b"not json"];

    for body in bodies {
        post(&host, "msg_1", body, 0).await;
    }
    for body in bodies {
        post(&host, "msg_1", body, 0).await;
    }

    let kept = host.database.deliveries();
    let reused = |findings: &Findings| findings.0.contains(&Finding::new(FindingCode::IdReused));
    assert_eq!(kept.iter().map(|row| row.body.as_deref().unwrap()).collect::<Vec<_>>(), bodies);
    assert_eq!(kept.iter().map(|row| row.repeat_count).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(kept.iter().map(|row| reused(&row.findings)).collect::<Vec<_>>(), [false, true, true]);
    let standings = [Standing::Current, Standing::Current, Standing::Quarantined];
    assert_eq!(kept.iter().map(|row| row.standing).collect::<Vec<_>>(), standings);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_body_under_another_id_is_another_message() {
    let host = Host::builder().config(key_alone).start().await;

    post(&host, "msg_1", &scored(1), 0).await;
    post(&host, "msg_2", &scored(1), 0).await;

    let kept = host.database.deliveries();
    assert_eq!(kept.iter().map(|row| row.version).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!((&kept[1].changes, &kept[1].findings), (&Changes::default(), &Findings::default()));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_understood_later_keeps_its_id_and_what_was_found_about_it() {
    let host = Host::builder().config(key_alone).start().await;
    let other = Body::result("r-2").bytes();
    post(&host, "msg_1", &scored(1), 0).await;
    let id = post(&host, "msg_1", &other, 0).await.delivery();
    // As if an older program had not understood it.
    host.database.run(&format!(
        "PRAGMA foreign_keys = OFF;
         DELETE FROM mojito_results WHERE delivery_id = {id};
         UPDATE mojito_deliveries SET standing = 'quarantined', version = NULL, first_delivery_id = NULL, result_id = NULL, changes = '[]' WHERE id = {id};"
    ));

    let replay = Replay::new(Selection::all().standing(Standing::Quarantined));
    let replayed = host.inbox.replay(replay, Actor::new("anna@ops")).await.unwrap();
    let retry = post(&host, "msg_1", &other, 0).await;

    let row = host.database.delivery(id);
    assert_eq!((replayed.admitted, row.standing, row.version), (1, Standing::Current, Some(1)));
    assert_eq!((row.message_id.as_deref(), row.repeat_count), (Some("msg_1"), 1));
    assert_eq!(row.findings.0, [Finding::new(FindingCode::IdReused)]);
    assert_eq!((retry.delivery(), host.database.deliveries().len()), (id, 2));
    host.stop().await;
}
