use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::{AUTH, in_time};

/// A bare HTTP/1.1 connection, so that a test can send what no client library would.
pub(crate) struct Connection {
    answers: Answers,
    requests: OwnedWriteHalf,
}

struct Answers(BufReader<OwnedReadHalf>);

/// The answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, if it is there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = values.next()?;
        values.next().is_none().then_some(value.1.as_str())
    }

    /// Status, headers but `Date`, and body: what two answers must have in common to look the same.
    pub(crate) fn but_date(&self) -> (u16, Vec<(String, String)>, String) {
        let is_date = |name: &str| name.eq_ignore_ascii_case("date");
        let headers = self.headers.iter().filter(|(name, _)| !is_date(name)).cloned().collect();
        (self.status, headers, self.body.clone())
    }

    /// The id in `{"delivery":"…"}`.
    pub(crate) fn delivery(&self) -> i64 {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["delivery"].as_str().unwrap_or_else(|| panic!("no delivery in {self:?}")).parse().unwrap()
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let (answers, requests) = stream.into_split();
        Self { answers: Answers(BufReader::new(answers)), requests }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.requests.write_all(bytes).await.unwrap();
    }

    /// Sends, or does not: whoever has refused already may have closed the connection.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) {
        let _ = in_time(self.requests.write_all(bytes)).await;
    }

    /// Sends these bytes again and again, with a pause between, until an answer comes.
    pub(crate) async fn send_until_answered(&mut self, bytes: &[u8], pause: Duration) -> Option<Answer> {
        let requests = &mut self.requests;
        let sending = async {
            while requests.write_all(bytes).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
            // The other side has closed: nothing but its answer is left.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = in_time(self.answers.next(false)) => answer,
            () = sending => unreachable!("it never ends"),
        }
    }

    /// Ends our half: the other side reads an end of file.
    pub(crate) async fn finish_sending(&mut self) {
        // A host that has refused already may have closed the connection.
        let _ = self.requests.shutdown().await;
    }

    /// The next answer, or none where the connection is closed before one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        in_time(self.answers.next(false)).await
    }

    /// Sends the head of a post with the secret of the default endpoint, and waits for `100 Continue`. From then on the
    /// request is in the host's hands.
    pub(crate) async fn begin_body(&mut self, path: &str, length: usize) {
        let headers = [AUTH, ("Content-Length", &*length.to_string()), ("Expect", "100-continue")];
        self.send(&head("POST", path, &headers)).await;
        let interim = in_time(self.answers.next(true)).await.expect("an interim answer");
        assert_eq!(interim.status, 100);
    }

    /// Whether the other side sends nothing more and closes.
    pub(crate) async fn is_closed(&mut self) -> bool {
        in_time(self.line()).await.is_none()
    }

    /// The answer to a `HEAD`, which has no body whatever its length says.
    pub(crate) async fn answer_to_head(&mut self) -> Option<Answer> {
        in_time(self.answers.next(true)).await
    }

    /// The next line, whatever it belongs to. None at the end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.answers.line().await
    }
}

impl Answers {
    async fn next(&mut self, is_head: bool) -> Option<Answer> {
        let status_line = self.line().await?;
        let status = status_line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        if !is_head {
            let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await.ok()?;
            answer.body = String::from_utf8(body).ok()?;
        }
        Some(answer)
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Posts a body with these headers beside `Host` and `Content-Length`, on a connection of its own.
pub(crate) async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut connection = Connection::open(address).await;
    connection.send(&request("POST", path, headers, body)).await;
    connection.answer().await.expect("an answer")
}

/// The bytes of a request with a declared length.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let headers = [&[("Content-Length", length.as_str())], headers].concat();
    [head(method, path, &headers).as_slice(), body].concat()
}

/// The bytes of a request with a body in chunks, all of it or, without the last chunk, its beginning.
pub(crate) fn chunked(path: &str, headers: &[(&str, &str)], chunks: &[&[u8]], is_whole: bool) -> Vec<u8> {
    let mut bytes = head("POST", path, &[&[("Transfer-Encoding", "chunked")], headers].concat());
    for chunk in chunks {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    if is_whole {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    bytes
}

/// The bytes of a request up to its body, with `Host` and these headers.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}
