use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::Answer;
use crate::body::Bodies;

/// Longer than any answer with its headers.
const ANSWER: usize = 4096;

/// The secret is that of the systems.
const HEAD: &str = "POST /webhooks/jobmojito/interview_result HTTP/1.1\r\n\
                    Host: 127.0.0.1\r\n\
                    User-Agent: mojito-bench\r\n\
                    X-Mojito-Secret: only-for-measurements-0123456789\r\n\
                    Content-Type: application/json\r\n";

/// One connection that is kept alive, with one request at a time.
pub(super) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    written: usize,
    answer: Box<[u8; ANSWER]>,
    read: usize,
    /// When the request was due.
    pub began: Instant,
    /// Which body it is.
    pub number: u64,
}

impl Connection {
    pub fn open(address: SocketAddr, registry: &Registry, token: usize) -> anyhow::Result<Self> {
        // One after the other, each until it is open: of many at once some would be tried again after a second.
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        stream.set_nodelay(true)?;
        registry.register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE)?;
        let answer = Box::new([0; ANSWER]);
        Ok(Self { stream, request: Vec::new(), written: 0, answer, read: 0, began: Instant::now(), number: 0 })
    }

    /// Posts the body with this number.
    pub fn post(&mut self, bodies: &Bodies, number: u64, due: Instant) -> anyhow::Result<()> {
        self.number = number;
        self.request.clear();
        write!(self.request, "{HEAD}Content-Length: {}\r\n\r\n", bodies.length(number)).expect("memory");
        bodies.append(number, &mut self.request);
        self.post_again(due)
    }

    pub fn has_posted(&self) -> bool {
        !self.request.is_empty()
    }

    /// Posts the same once more.
    pub fn post_again(&mut self, due: Instant) -> anyhow::Result<()> {
        (self.written, self.read, self.began) = (0, 0, due);
        self.write()
    }

    /// Writes what can be written now.
    pub fn write(&mut self) -> anyhow::Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(error) => return Err(error).context("the server closed a connection"),
            }
        }
        Ok(())
    }

    /// Reads what is there. The answer, once it is whole.
    ///
    /// One read for an event is enough: nothing comes after a whole answer, and what comes later is an event of its own.
    pub fn read(&mut self) -> anyhow::Result<Option<Answer>> {
        match self.stream.read(&mut self.answer[self.read..]) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => self.read += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("the server closed a connection"),
        }
        ensure!(self.read < ANSWER, "an answer of more than {ANSWER} bytes");
        Answer::read(&self.answer[..self.read])
    }
}
