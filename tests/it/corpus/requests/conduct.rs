use std::sync::atomic::{AtomicUsize, Ordering};

use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Sqlite};
use tokio::net::TcpSocket;

use crate::harness::{AUTH, BASE, Body, Connection, Host, eventually, request};

/// H37.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_a_hundred_times_at_once_become_one_version() {
    let host = Host::builder().start().await;
    let body = Body::result("r-1").bytes();

    let posts = (0..100).map(|_| host.post("interview_result", &body));
    let answers = rocket::futures::future::join_all(posts).await;

    let deliveries = host.database.deliveries();
    assert!(answers.iter().all(|answer| answer.but_date() == answers[0].but_date() && answer.status == 200));
    assert_eq!(deliveries.len(), 1);
    assert_eq!((deliveries[0].version, deliveries[0].repeat_count), (Some(1), 99));
    host.stop().await;
}

/// Fails in the worst way, each time.
struct Panicking(std::sync::Arc<AtomicUsize>);

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Panicking {
    async fn interview_result(&self, _: &Event, _: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a handler of the host's")
    }
}

/// H40: no code of the host's runs in the request, so there is nothing to answer 500 for.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_is_not_the_senders_business() {
    let ran = std::sync::Arc::<AtomicUsize>::default();
    let host = Host::builder().handler(Panicking(std::sync::Arc::clone(&ran))).start().await;

    let first = host.post("interview_result", &Body::result("r-1").bytes()).await;
    eventually("the handler has panicked", || ran.load(Ordering::SeqCst) > 0).await;
    let repeat = host.post("interview_result", &Body::result("r-1").bytes()).await;
    let other = host.post("interview_result", &Body::result("r-2").bytes()).await;

    assert_eq!([first.status, repeat.status, other.status], [200; 3]);
    host.stop().await;
}

/// H41: who is authentic is never told to slow down. A delivery that cannot be held is answered 503.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_deliver_as_much_as_it_has() {
    let host = Host::builder().start().await;
    let bodies: Vec<Vec<u8>> = (0..300).map(|number| Body::result(&format!("r-{number}")).bytes()).collect();
    let requests: Vec<u8> = bodies.iter().flat_map(|body| request("POST", BASE, &[AUTH], body)).collect();
    let mut connection = host.connect().await;

    let (mut answered, mut statuses) = (0, std::collections::BTreeSet::new());
    connection.send(&requests).await;
    while answered < bodies.len() {
        statuses.insert(connection.answer().await.unwrap().status);
        answered += 1;
    }

    assert_eq!(statuses, [200].into());
    assert_eq!(host.database.deliveries().len(), bodies.len());
    host.stop().await;
}

/// H42: there is no list of addresses. A client that knows the secret may come from anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_client_does_not_matter() {
    let host = Host::builder().start().await;

    for (number, source) in ["127.0.0.1:0", "127.0.0.2:0", "127.9.9.9:0"].into_iter().enumerate() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(source.parse().unwrap()).unwrap();
        let mut connection = Connection::over(socket.connect(host.address).await.unwrap());
        connection.send(&request("POST", BASE, &[AUTH], &Body::result(&format!("r-{number}")).bytes())).await;

        assert_eq!(connection.answer().await.unwrap().status, 200, "{source}");
    }
    host.stop().await;
}
