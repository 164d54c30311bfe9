//! Clients that go away: at any byte, at any time, and after everything was said.

use std::sync::Arc;

use mojito_schema::State;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{
    Body, Database, Host, SECRET, ScriptedAction, ScriptedHandler, eventually, request, rounds, seed,
};

fn delivery_request(result: &str) -> Vec<u8> {
    let headers = [("X-Mojito-Secret", SECRET)];
    request("POST", "/webhooks/jobmojito/interview_result", &headers, &Body::result(result).bytes())
}

// Shows F30.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_at_any_byte_poison_nothing() {
    let clients = rounds(250, 1_000);
    let mut random = fastrand::Rng::with_seed(seed());
    let (script, _seen) = ScriptedHandler::new(|_, _| ScriptedAction::Effect);
    let host = Host::builder().database(&Arc::new(Database::with_effects())).handler(script).start().await;

    let mut gone = JoinSet::new();
    for n in 0..clients {
        let bytes = delivery_request(&format!("gone-{n}"));
        let sent = random.usize(..=bytes.len());
        let pauses = random.usize(..3);
        let address = host.address;
        gone.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let (first, rest) = bytes[..sent].split_at(sent / 2);
            stream.write_all(first).await.unwrap();
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            // The host may have answered and closed already: that is its right.
            let _ = stream.write_all(rest).await;
        });
    }
    gone.join_all().await;
    let mut sentinels = Vec::new();
    for n in 0..100 {
        sentinels.push(host.post("interview_result", &Body::result(&format!("sentinel-{n}")).bytes()).await.delivery());
    }

    let rows = host.database.deliveries();
    assert!(sentinels.iter().all(|id| rows.iter().any(|row| row.id == *id)), "a second connection sees them all");
    eventually("all work is done", || host.database.work().iter().all(|work| work.state == State::Completed)).await;
    assert_eq!(host.database.effects().len(), host.database.deliveries().len());
    host.stop().await;
}

// Shows F71.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_on_its_way_leads_to_a_repeat_and_no_second_effect() {
    let deliveries = rounds(60, 500);
    let (script, _seen) = ScriptedHandler::new(|_, _| ScriptedAction::Effect);
    let host = Host::builder().database(&Arc::new(Database::with_effects())).handler(script).start().await;

    for n in 0..deliveries {
        let result = format!("lost-{n}");
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        stream.write_all(&delivery_request(&result)).await.unwrap();
        eventually("it is recorded", || host.database.deliveries_of(&result).len() == 1).await;
        // Nobody reads the answer.
        drop(stream);
        let retry = host.post("interview_result", &Body::result(&result).bytes()).await;
        let row = &host.database.deliveries_of(&result)[0];
        assert_eq!((retry.delivery(), row.repeat_count), (row.id, 1));
    }

    eventually("all work is done", || host.database.work().iter().all(|work| work.state == State::Completed)).await;
    assert_eq!(host.database.effects().len(), deliveries as usize);
    host.stop().await;
}
