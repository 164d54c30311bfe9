use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::TcpSocket;

use super::{Kind, Proxy, behind_each_proxy};
use crate::harness::{AUTH, BASE, Body, Connection, Host, PATIENCE, SECRET, Signer, head, request};

behind_each_proxy!(no_secret_signature_or_body_is_logged_whatever_happens);

const CANARY: &str = "canary";

async fn no_secret_signature_or_body_is_logged_whatever_happens(kind: Kind) {
    let host = Host::builder().start().await;
    let proxy = Proxy::start(kind, host.address).await;
    let body = Body::result(CANARY).with("candidate_name", CANARY).bytes();
    let signature = Signer::now("gateway-key-0123456789abcdef").github(&body);
    let headers =
        [AUTH, ("X-Hub-Signature-256", signature.value("X-Hub-Signature-256")), ("X-Long", &"x".repeat(90_000))];
    let huge = [AUTH, ("Content-Length", "99999999")];
    let with_query = format!("{BASE}?secret={CANARY}");

    let mut requests = vec![
        request("POST", BASE, &headers[..2], &body),
        request("POST", BASE, &[("X-Mojito-Secret", CANARY)], &body),
        request("POST", &with_query, &headers[..2], &body),
        request("POST", BASE, &headers, &body),
        request("POST", BASE, &[AUTH, ("X Bad Header", CANARY)], &body),
        [head("POST", BASE, &huge), body.clone()].concat(),
        format!("POST {BASE} HTTP/1.1\r\nHost: localhost\r\nX-Mojito-Secret: {SECRET}\u{1}\r\n\r\n").into_bytes(),
        format!("{SECRET}\r\n\r\n").into_bytes(),
    ];
    // Cut in the middle of the secret, and of the body.
    requests.push(head("POST", BASE, &[AUTH])[..60].to_vec());
    requests.push([head("POST", BASE, &huge[..1]), body[..20].to_vec()].concat());
    for request in &requests {
        tell(&proxy, request).await;
    }
    // An error of the proxy's own comes last. Once that is logged, all is.
    let address = host.address;
    host.stop().await;
    let _nobody_else = kept_shut(address);
    let began = Instant::now();
    while !proxy.log().contains("refused") {
        // A connection that the proxy had kept may fail the first of these in another way.
        assert!(began.elapsed() < PATIENCE, "nobody listens, and that is not logged: {}", proxy.log());
        tell(&proxy, &requests[0]).await;
    }
    let log = proxy.log();
    assert!(log.contains(BASE), "it does log requests: {log}");
    for word in [SECRET, &SECRET[..12], CANARY, &signature.value("X-Hub-Signature-256")[7..20]] {
        let line = log.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "`{word}`");
    }
}

/// Takes the address, and never listens there: whoever connects is refused, and no other test can be given it.
fn kept_shut(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn tell(proxy: &Proxy, request: &[u8]) {
    let mut connection = Connection::open(proxy.address).await;
    connection.send(&addressed(proxy, request)).await;
    connection.finish_sending().await;
    connection.answer().await;
}

/// With the port in `Host`, as clients send it where it is not the usual one: by it Caddy knows whose log it is.
fn addressed(proxy: &Proxy, request: &[u8]) -> Vec<u8> {
    let host = format!("Host: localhost:{}\r\n", proxy.address.port());
    String::from_utf8(request.to_vec()).unwrap().replace("Host: localhost\r\n", &host).into_bytes()
}
