use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Delivery, Event, Target};

/// The part of an answer's body that is read.
const MAX_ANSWER: usize = 64 << 10;

/// The part of an answer that is read where the body was cut.
const MAX_HEAD: usize = 8 << 10;

/// Posts deliveries over HTTP/1.1, on connections that are kept. It has no TLS.
#[derive(Debug, Clone)]
pub struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    patience: Duration,
}

/// The answer of a receiver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, up to 64 KiB of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the receiver has taken the delivery over: any 2xx.
    pub fn is_acknowledgement(&self) -> bool {
        is_acknowledgement(self.status)
    }
}

pub(crate) fn is_acknowledgement(status: u16) -> bool {
    (200..300).contains(&status)
}

impl Client {
    /// A client that waits so long for each answer.
    pub fn new(patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            // Only the simulation sends again: it counts what it sends.
            .retry_canceled_requests(false)
            .build(connector);
        Self { http, patience }
    }

    /// Posts a delivery to the path of its event; for no event, to the path of all.
    ///
    /// # Errors
    ///
    /// When no whole answer came in time. The receiver may have the delivery all the same.
    ///
    /// # Cancellation
    ///
    /// The receiver may have the delivery, or a part of it.
    pub async fn post(&self, target: &Target, event: Option<Event>, delivery: &Delivery) -> io::Result<Answer> {
        let exchange = async {
            let response = self.send(target, event, delivery).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(io::Error::other)?;
            Ok(Answer { status, body: body.to_bytes().to_vec() })
        };
        timeout(self.patience, exchange).await?
    }

    /// Posts a delivery, and hangs up once the answer begins: it is lost. The answer's status is for the record alone.
    pub(crate) async fn post_without_answer(&self, target: &Target, delivery: &Delivery) -> io::Result<u16> {
        let response = timeout(self.patience, self.send(target, Some(delivery.event), delivery)).await??;
        Ok(response.status().as_u16())
    }

    /// Posts half of a body under the length of the whole, and hears the answer, if there is one.
    pub(crate) async fn post_half(&self, target: &Target, delivery: &Delivery) -> io::Result<u16> {
        let body = delivery.body();
        let mut head =
            format!("POST {} HTTP/1.1\r\nHost: {}\r\n", target.path_of(Some(delivery.event)), target.authority());
        for (name, value) in headers(target, delivery) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let exchange = async {
            let mut stream = TcpStream::connect(target.authority()).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body[..body.len() / 2]).await?;
            stream.shutdown().await?;
            let mut answer = Vec::new();
            stream.take(MAX_HEAD as u64).read_to_end(&mut answer).await?;
            let line = String::from_utf8_lossy(&answer);
            line.split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        };
        timeout(self.patience, exchange).await?
    }

    async fn send(&self, target: &Target, event: Option<Event>, delivery: &Delivery) -> io::Result<Response<Incoming>> {
        let mut request = Request::post(target.url(event));
        for (name, value) in headers(target, delivery) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(delivery.body()))).map_err(io::Error::other)?;
        self.http.request(request).await.map_err(io::Error::other)
    }
}

/// The headers of a request, but its length.
fn headers(target: &Target, delivery: &Delivery) -> Vec<(String, String)> {
    // A clock before 1970 signs a time that every receiver refuses.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut headers = target.headers(&delivery.message_id, now, delivery.body());
    headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    headers
}
