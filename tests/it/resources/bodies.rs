use std::collections::BTreeMap;
use std::time::Duration;

use super::attack::HostUnderAttack;
use crate::harness::{AUTH, Answer, BASE, Connection, head, request, rounds};

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// How many clients were answered with each status.
fn tally(answers: Vec<Option<Answer>>) -> BTreeMap<Option<u16>, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.map(|answer| answer.status)).or_default() += 1;
    }
    tally
}

// Shows F92.
/// F92: clients that never stop sending.
#[tokio::test(flavor = "multi_thread")]
async fn endless_bodies_end_in_413_and_memory_stays_flat() {
    let host = HostUnderAttack::start(|host| host.setting("body_deadline", 60)).await;

    let endless = host.by(200, async |address, _| {
        let mut connection = Connection::open(address).await;
        connection.send(&head("POST", BASE, &[AUTH, CHUNKED])).await;
        let chunk = [&b"10000\r\n"[..], &[b' '; 1 << 16], b"\r\n"].concat();
        connection.send_until_answered(&chunk, Duration::ZERO).await
    });
    let (answers, ()) = tokio::join!(endless, host.assert_serves("endless bodies"));

    assert_eq!(tally(answers), [(Some(413), 200)].into());
    host.assert_flat(64, "endless bodies");
}

/// Clients that know the secret, send nearly all of a large body, and stop. Only so many are held as there is room for.
/// A client that waits for room is told to come back while those still stall, and small bodies need none.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_stall_are_bounded_and_small_ones_pass_them() {
    let host = HostUnderAttack::start(|host| host.setting("body_deadline", 8)).await;
    let clients = rounds(150, 2000);

    let stalled = host.by(clients, async |address, _| {
        let mut connection = Connection::open(address).await;
        let body = vec![b' '; (1 << 20) - 1];
        connection.try_send(&[head("POST", BASE, &[AUTH, ("Content-Length", "1048576")]), body].concat()).await;
        connection.answer().await
    });
    let (answers, ()) = tokio::join!(stalled, host.assert_serves("large bodies that stall"));

    let tally = tally(answers);
    assert!(tally.keys().all(|status| matches!(status, Some(408 | 503))), "{tally:?}");
    assert!(tally.contains_key(&Some(408)) && tally.contains_key(&Some(503)), "{tally:?}");
    host.assert_flat(64 + i64::from(clients) / 8, "large bodies that stall");
}

/// Bodies that become far more in memory than they are on the wire, in a careless program.
#[tokio::test(flavor = "multi_thread")]
async fn deep_and_wide_bodies_cost_what_they_weigh() {
    let host = HostUnderAttack::start(|host| host).await;
    let with = |key: &str, value: String| format!(r#"{{"id":"r-1","status":"","{key}":{value}}}"#).into_bytes();
    let keys: Vec<String> = (0..100_000).map(|number| format!(r#""{number:x}":0"#)).collect();
    let bodies = [
        with("unknown", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        with("unknown", format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000))),
        with("unknown", format!("[{}0]", "0,".repeat(499_999))),
        with("ai_analysis_recruiter_why_hire", format!("[{}0]", "0,".repeat(499_999))),
        with("ai_analysis_recruiter_why_hire", format!("[{}\"\"]", "\"\",".repeat(300_000))),
        format!(r#"{{"id":"r-1","status":"",{}}}"#, keys.join(",")).into_bytes(),
        vec![b'['; 1 << 20],
    ];

    let heavy = host.by(rounds(28, 200), |address, number| {
        // Each is new: a repeat would be less work.
        let body = [&bodies[number as usize % bodies.len()][..], " ".repeat(number as usize).as_bytes()].concat();
        let body = body[..body.len().min(1 << 20)].to_vec();
        async move {
            let mut connection = Connection::open(address).await;
            connection.try_send(&request("POST", &format!("{BASE}/interview_result"), &[AUTH], &body)).await;
            connection.answer().await
        }
    });
    let (answers, ()) = tokio::join!(heavy, host.assert_serves("deep and wide bodies"));

    let tally = tally(answers);
    assert!(tally.keys().all(|status| matches!(status, Some(200 | 503))), "{tally:?}");
    assert!(tally.contains_key(&Some(200)), "{tally:?}");
    host.assert_flat(192, "deep and wide bodies");
}
