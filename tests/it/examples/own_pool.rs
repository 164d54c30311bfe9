#[path = "../../../rocket-mojito/examples/own_pool.rs"]
#[expect(dead_code, reason = "an example has a `main`, which is not called here")]
mod example;

use std::net::SocketAddr;

use rocket_mojito::testing::TestInbox;
use rocket_mojito::{Event, EventKind};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{LEASE, settings, texts};
use crate::harness::{Connection, next};

/// A service whose first answer is a failure. It tells the key of each request.
async fn service() -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, keys) = unbounded_channel();
    tokio::spawn(async move {
        // A connection that is closed over an unread body would take its answer along.
        let mut open = Vec::new();
        for status in ["503 Service Unavailable", "200 OK", "200 OK"] {
            let mut connection = Connection::over(listener.accept().await.unwrap().0);
            while let Some(line) = connection.line().await.filter(|line| !line.is_empty()) {
                if let Some(key) = line.to_lowercase().strip_prefix("idempotency-key: ") {
                    sender.send(key.to_owned()).unwrap();
                }
            }
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            connection.send(answer.as_bytes()).await;
            open.push(connection);
        }
    });
    (address, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_calls_by_one_key_and_both_tables_are_written_once() {
    let (address, mut keys) = service().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hiring.db");
    let settings = settings(&file).merge(("letters", format!("http://{address}/letters")));
    let host = TestInbox::try_new(example::host(settings)).await.unwrap();
    let written = || texts(&file, "SELECT result_id AS value FROM letters UNION ALL SELECT entry FROM timeline");

    let decided = Event::example(EventKind::InterviewResult).id("r-1").recruiter_go_next_round(true);
    assert_eq!(host.post(&decided).await.unwrap().status(), 200);
    let failed = host.drain().await.unwrap();
    host.advance(failed[0].retry_in().unwrap()).await.unwrap();
    host.die_before_commit();
    let died = host.drain().await.unwrap();
    let before = written();
    host.advance(LEASE).await.unwrap();
    let rescued = host.drain().await.unwrap();
    let page = host.client().get("/letters").dispatch().await.into_string().await;

    assert!(failed[0].error().unwrap().contains("503"), "{:?}", failed[0].error());
    assert_eq!((died[0].has_died(), before.len(), rescued[0].is_completed()), (true, 0, true), "{rescued:?}");
    assert_eq!(written(), ["r-1", "a letter was sent"]);
    assert_eq!(page.as_deref(), Some("r-1"));
    let keys = [next(&mut keys).await, next(&mut keys).await, next(&mut keys).await];
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
    host.stop().await;
}
