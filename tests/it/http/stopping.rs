use super::refusal::assert_refused;
use crate::harness::{BASE, Body, Connection, Host};

/// Requests whose last byte is still to come, each already being read.
async fn begin(host: &Host, bodies: &[Vec<u8>]) -> Vec<Connection> {
    let mut connections = Vec::new();
    for body in bodies {
        let mut connection = host.connect().await;
        connection.begin_body(BASE, body.len()).await;
        connection.send(&body[..body.len() - 1]).await;
        connections.push(connection);
    }
    connections
}

/// A delivery that is recorded before the recorder stops is acknowledged, a later one is refused, nothing is in
/// between.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_ends_after_the_shutdown_began_is_refused_or_kept_never_both() {
    let host = Host::builder().start().await;
    let bodies: Vec<Vec<u8>> = (0..100).map(|number| Body::result(&format!("r-{number}")).bytes()).collect();
    let mut connections = begin(&host, &bodies).await;

    host.begin_to_stop();
    let mut acknowledged = 0;
    let mut refused = 0;
    for connection in &mut connections {
        connection.send(b"}").await;
        let answer = connection.answer().await.unwrap();
        match answer.status {
            200 => acknowledged += 1,
            _ => {
                assert_refused(&answer, 503);
                refused += 1;
            }
        }
    }

    assert!(refused > 0, "the recorder stops while the requests come in");
    assert_eq!(host.database.deliveries().len(), acknowledged);
    host.stop().await;
}
