use std::time::Duration;

use rocket::data::ByteUnit;
use rocket_mojito::{EndpointConfig, MojitoConfig, SecretConfig};

use super::{Kind, Proxy, behind_each_proxy};
use crate::harness::{AUTH, Answer, BASE, Body, Connection, Host, Signer, chunked, head, request};

const KEY: &str = "gateway-key-0123456789abcdef";

behind_each_proxy!(
    bodies_arrive_byte_for_byte_and_signatures_with_them,
    the_answers_are_those_of_the_application,
    a_body_that_is_too_long_is_refused_in_the_words_of_the_application,
    a_body_that_is_cut_is_never_recorded,
    headers_that_are_too_long_do_not_come_through,
    nobody_answers_2xx_for_an_application_that_is_not_there,
);

async fn send(proxy: &Proxy, bytes: &[u8]) -> Answer {
    let mut connection = Connection::open(proxy.address).await;
    connection.send(bytes).await;
    connection.answer().await.expect("an answer")
}

/// The application's answer to a body that it does not read to its end. It closes the connection then. A proxy that
/// still sends may find that before it finds the answer: it says 502, and is asked again.
async fn refused(proxy: &Proxy, bytes: &[u8]) -> Answer {
    for _ in 0..10 {
        let answer = send(proxy, bytes).await;
        if answer.status != 502 {
            return answer;
        }
    }
    panic!("the proxy never finds the answer");
}

fn signed(config: MojitoConfig) -> MojitoConfig {
    config.endpoint("signed", EndpointConfig::new().secret(SecretConfig::github("gateway", KEY)))
}

async fn bodies_arrive_byte_for_byte_and_signatures_with_them(kind: Kind) {
    let host = Host::builder().config(signed).start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let bodies = [Body::result("r-1").bytes(), b"{ \"id\" :\r\n\t\"r-2\"}\r\n\r\n".to_vec(), b"x".to_vec(), every_byte];

    for body in &bodies {
        let headers = Signer::now(KEY).github(body);
        let signed = send(&proxy, &request("POST", &format!("{BASE}/signed"), &headers.as_pairs(), body)).await;
        let chunks: Vec<&[u8]> = body.chunks(7_000).collect();
        let in_chunks = send(&proxy, &chunked(BASE, &[AUTH], &chunks, true)).await;

        for answer in [&signed, &in_chunks] {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(host.database.delivery(answer.delivery()).body.as_ref(), Some(body));
        }
    }
    host.stop().await;
}

async fn the_answers_are_those_of_the_application(kind: Kind) {
    let paused = EndpointConfig::new().secret(SecretConfig::header("p", "X-Paused", KEY)).paused(true);
    let host = Host::builder().config(|config| config.endpoint("paused", paused)).start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let at_paused = format!("{BASE}/paused");
    let wrong_type = [AUTH, ("Content-Type", "text/plain")];
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], u16);
    let cases: [Case<'_>; 8] = [
        ("POST", BASE, &[AUTH], 200),
        ("POST", BASE, &[], 401),
        ("POST", BASE, &[AUTH, AUTH], 401),
        ("POST", BASE, &[("X-Mojito-Secret", "wrong"), AUTH], 401),
        ("POST", BASE, &wrong_type, 415),
        ("POST", BASE, &[AUTH, ("Content-Encoding", "gzip")], 415),
        ("PUT", BASE, &[AUTH], 405),
        ("POST", &at_paused, &[("X-Paused", KEY)], 503),
    ];
    let told = |answer: &Answer| {
        let names = ["content-type", "cache-control", "www-authenticate", "allow"];
        let headers: Vec<_> = names.map(|name| answer.header(name).map(str::to_owned)).into();
        (answer.status, answer.body.clone(), headers, answer.header("retry-after").is_some())
    };

    for (method, path, headers, status) in cases {
        let request = request(method, path, headers, &Body::result("r-1").bytes());
        let through = send(&proxy, &request).await;
        let direct = host.send(&request).await;

        assert_eq!(through.status, status, "{through:?}");
        assert_eq!(told(&through), told(&direct));
    }
    assert_eq!(send(&proxy, &request("POST", "/elsewhere", &[AUTH], b"{}")).await.status, 404);
    host.stop().await;
}

async fn a_body_that_is_too_long_is_refused_in_the_words_of_the_application(kind: Kind) {
    let host = Host::builder().start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let limit = 1 << 20;
    let of = |length: usize| [br#"{"id":"r-1","x":""#.to_vec(), vec![b'x'; length - 19], br#""}"#.to_vec()].concat();

    let longest = send(&proxy, &request("POST", BASE, &[AUTH], &of(limit))).await;
    let longer = refused(&proxy, &request("POST", BASE, &[AUTH], &of(limit + 1))).await;
    let longer_in_chunks = refused(&proxy, &chunked(BASE, &[AUTH], &[&of(limit + 1)], true)).await;
    let huge = head("POST", BASE, &[AUTH, ("Content-Length", "99999999")]);
    let huge = refused(&proxy, &[huge, vec![b' '; 14]].concat()).await;

    assert_eq!(longest.status, 200);
    for answer in [longer, longer_in_chunks, huge] {
        assert_eq!((answer.status, answer.body.as_str()), (413, r#"{"error":"too_large"}"#));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

async fn a_body_that_is_cut_is_never_recorded(kind: Kind) {
    let host = Host::builder().start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let body = Body::result("r-1").bytes();
    let (length, half) = (body.len().to_string(), body.len() / 2);
    let declared = [head("POST", BASE, &[AUTH, ("Content-Length", &length)]), body[..half].to_vec()].concat();

    for cut in [declared, chunked(BASE, &[AUTH], &[&body[..half]], false)] {
        let mut connection = Connection::open(proxy.address).await;
        connection.send(&cut).await;
        drop(connection);
    }
    assert_eq!(send(&proxy, &request("POST", BASE, &[AUTH], &body)).await.status, 200);
    let kept = host.database.deliveries();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].body.as_ref(), Some(&body));
    host.stop().await;
}

async fn headers_that_are_too_long_do_not_come_through(kind: Kind) {
    let host = Host::builder().config(|config| config.body_limit(ByteUnit::from(1_000))).start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let body = Body::result("r-1").bytes();
    let (long, half) = ("x".repeat(100_000), "x".repeat(3_000));
    let many: Vec<(&str, &str)> = [vec![AUTH], vec![("X-Long", half.as_str()); 12]].concat();

    for headers in [&[AUTH, ("X-Long", &long)][..], &many] {
        let mut connection = Connection::open(proxy.address).await;
        connection.send(&request("POST", BASE, headers, &body)).await;
        // A proxy that has heard enough may close before it was told all, and its answer is lost then.
        let answer = connection.answer().await;

        assert!(answer.is_none_or(|answer| [400, 431].contains(&answer.status)));
    }
    assert_eq!(send(&proxy, &request("POST", BASE, &[AUTH, ("X-Long", &half)], &body)).await.status, 200);
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

async fn nobody_answers_2xx_for_an_application_that_is_not_there(kind: Kind) {
    let host = Host::builder().start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let body = Body::result("r-1").bytes();
    let foreign = request("POST", BASE, &[AUTH], &body);
    let foreign = String::from_utf8(foreign).unwrap().replace("Host: localhost", "Host: other.example");

    let of_another = send(&proxy, foreign.as_bytes()).await;
    let there = host.database.deliveries().len();
    host.stop().await;
    let gone = send(&proxy, &request("POST", BASE, &[AUTH], &body)).await;

    assert_eq!(of_another.status == 200, there == 1, "{of_another:?}");
    assert!((500..=504).contains(&gone.status), "{gone:?}");
}

/// Only where the body is handed on as it comes in: nginx reads it whole, and says 408 itself.
#[tokio::test(flavor = "multi_thread")]
async fn caddy_hands_on_the_408_of_the_application() {
    let host = Host::builder().config(|config| config.body_deadline(Duration::from_millis(200))).start().await;
    let proxy = Proxy::start(Kind::Caddy, host.address).await;

    let answer =
        send(&proxy, &[head("POST", BASE, &[AUTH, ("Content-Length", "500")]), vec![b' '; 100]].concat()).await;

    assert_eq!((answer.status, answer.body.as_str()), (408, r#"{"error":"timeout"}"#));
    host.stop().await;
}
