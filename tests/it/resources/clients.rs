use std::time::Duration;

use super::attack::HostUnderAttack;
use crate::harness::{AUTH, BASE, Connection, head, rounds};
use crate::http::assert_refused;

const MEBIBYTE: (&str, &str) = ("Content-Length", "1048576");

// Shows F91.
/// F91: clients that send a byte now and then.
#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_end_in_408_and_good_requests_stay_fast() {
    let host = HostUnderAttack::start(|host| host.setting("body_deadline", 5)).await;
    let clients = rounds(100, 500);

    let slow = host.by(clients, async |address, _| {
        let mut connection = Connection::open(address).await;
        // Rocket waits for 14 bytes before the plugin is asked, and the deadline begins.
        connection.send(&[&head("POST", BASE, &[AUTH, MEBIBYTE])[..], &[b' '; 14]].concat()).await;
        let answer = connection.send_until_answered(b" ", Duration::from_secs(1)).await;
        (answer.expect("an answer"), connection.is_closed().await)
    });
    let (answers, ()) = tokio::join!(slow, host.assert_serves("slow bodies"));

    for (answer, is_closed) in answers {
        assert_refused(&answer, 408);
        assert!(is_closed);
    }
    host.assert_flat(48, "slow bodies");
}

/// Clients that stop somewhere in the head, or in the body, and stay.
#[tokio::test(flavor = "multi_thread")]
async fn stalled_clients_cost_little_and_good_requests_stay_fast() {
    let host = HostUnderAttack::start(|host| host.setting("body_deadline", 600)).await;
    let whole = [head("POST", BASE, &[AUTH, MEBIBYTE]), vec![b' '; 1000]].concat();
    let in_head = whole.len() - 1010;
    let in_first_bytes = whole.len() - 995;
    let clients = rounds(300, 3000);

    let stalled = host
        .by(clients, |address, number| {
            let length = [in_head, in_first_bytes, whole.len()][number as usize % 3];
            let bytes = whole[..length].to_vec();
            async move {
                let mut connection = Connection::open(address).await;
                connection.send(&bytes).await;
                connection
            }
        })
        .await;

    host.assert_serves("stalled clients").await;
    // Rocket keeps some 25 KiB for a connection, whatever comes over it.
    host.assert_flat(32 + i64::from(clients) / 32, "stalled clients");
    drop(stalled);
}

/// No buffer is sized from what a client declares. Memory that is reserved and never touched is not resident, so the
/// reserved memory is measured.
#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_is_only_declared_reserves_nothing() {
    let host = HostUnderAttack::start(|host| host.setting("body_deadline", 600)).await;
    let clients = rounds(300, 4000);

    let waiting = host
        .by(clients, async |address, _| {
            let mut connection = Connection::open(address).await;
            connection.begin_body(BASE, 1 << 20).await;
            connection.send(b"{             20 bytes").await;
            connection
        })
        .await;

    host.assert_serves("declared lengths").await;
    let each = host.growth().reserved / i64::from(clients);
    assert!(each < 256, "{each} KiB are reserved for each of {clients} clients: {}", host.growth());
    drop(waiting);
}
