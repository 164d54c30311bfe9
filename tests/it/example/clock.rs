//! A clock that is wrong for a moment, or for good. On Postgres the server's judges.

use std::time::Duration;

use mojito_schema::Sqlite;

use super::{example, in_time};
use crate::harness::{Body, Example, Process, Store, until};

/// Takes deliveries of each kind: two versions of each of five results, and one that nobody understands.
async fn take_deliveries(store: &mut Store<Sqlite>, example: &Example) {
    let mut desk = example.start().await;
    for number in 0..5 {
        for score in 0..2 {
            let body = Body::result(&number.to_string()).with("score", score).bytes();
            post(&mut desk, &body).await;
        }
    }
    post(&mut desk, b"?").await;
    store.drained().await;
    desk.stop().await;
}

/// Runs a desk whose clock is wrong by so much, until it has looked for what is too old, and takes a delivery meanwhile.
async fn run_at(store: &mut Store<Sqlite>, example: &Example, offset: &str) {
    let readings = readings(store).await;
    let mut desk = example.spawn_at(offset);
    desk.ready().await.expect("the desk listens");
    in_time(async {
        while self::readings(store).await == readings {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    post(&mut desk, &Body::result(offset).bytes()).await;
    store.drained().await;
    desk.stop().await;
}

/// Posts it until it is acknowledged: where the machine is busy, an answer may be 503.
async fn post(desk: &mut Process, body: &[u8]) {
    in_time(async { while desk.post("interview_result", body).await.is_none_or(|answer| answer.status != 200) {} })
        .await;
}

/// The clock's readings, in the order in which they were stored.
async fn readings(store: &mut Store<Sqlite>) -> Vec<String> {
    store.texts("SELECT at AS value FROM mojito_clock_readings ORDER BY number").await
}

/// How many deliveries there are, and how many have their bodies.
async fn kept(store: &mut Store<Sqlite>) -> (usize, usize) {
    let rows = store.deliveries().await;
    (rows.len(), rows.iter().filter(|row| row.body.is_some()).count())
}

// Shows M20.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_whose_clock_is_wrong_for_a_moment_removes_nothing() {
    let (mut store, example) = example::<Sqlite>().await;
    take_deliveries(&mut store, &example).await;

    for offset in ["+1100d", "+0d", "+2200d", "-5000d", "+1s"] {
        run_at(&mut store, &example, offset).await;
    }

    assert_eq!(kept(&mut store).await, (16, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_has_been_ahead_for_a_day_is_believed() {
    let (mut store, example) = example::<Sqlite>().await;
    take_deliveries(&mut store, &example).await;

    run_at(&mut store, &example, "+1100d").await;
    let mut desk = example.spawn_at("+1102d");
    desk.ready().await.expect("the desk listens");

    // The states of six results stay, and the body that was taken two days before.
    let look = async || match kept(&mut store).await {
        (6, 1) => Ok(()),
        kept => Err((kept, readings(&mut store).await)),
    };
    until("the rest is pruned", look).await;
}
