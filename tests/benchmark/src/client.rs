use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use crate::body::Bodies;
use crate::latency::Latencies;

/// How long answers may take to come in after the last request.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longer than any answer with its headers.
const ANSWER: usize = 4096;

/// What is posted.
pub(crate) struct Load<'b> {
    pub address: SocketAddr,
    pub bodies: &'b Bodies,
    pub connections: usize,
    /// How long before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub length: Duration,
    /// One of so many requests is the one before it on its connection once more. None where 0.
    pub repeat_every: u64,
}

/// A delivery that was answered 200.
#[derive(Clone, Copy)]
pub(crate) struct Acknowledged {
    /// Which body it was.
    pub number: u64,
    /// The id that the answer named.
    pub delivery: i64,
}

/// What came of it.
pub(crate) struct Loaded {
    /// All of them, those of the warm-up too.
    pub acknowledged: Vec<Acknowledged>,
    /// How many bodies were made, each of another result.
    pub bodies: u64,
    /// Answers other than 200.
    pub refused: u64,
    /// Of those that were acknowledged while it was measured.
    pub latencies: Latencies,
    /// How long was measured, really.
    pub length: Duration,
    /// What the client used meanwhile.
    pub cpu: Duration,
}

/// One connection: one request at a time, the next as soon as the answer is there.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    written: usize,
    answer: Box<[u8; ANSWER]>,
    read: usize,
    began: Instant,
    number: u64,
    count: u64,
}

/// When something is to be measured.
enum Phase {
    WarmUp,
    Measured { since: Instant, cpu: Duration },
    Over,
}

impl Load<'_> {
    /// Posts as fast as answers come. `mark` is called when the measurement begins, and when it ends.
    ///
    /// One thread and one poll: the client shares the machine with the server, and must be the cheapest part of it.
    pub fn run(&self, mut mark: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Loaded> {
        let mut poll = Poll::new()?;
        let mut next = 0..;
        let mut loaded = Loaded {
            acknowledged: Vec::new(),
            bodies: 0,
            refused: 0,
            latencies: Latencies::default(),
            length: Duration::ZERO,
            cpu: Duration::ZERO,
        };
        let mut connections = Vec::with_capacity(self.connections);
        for token in 0..self.connections {
            let mut connection = Connection::open(self.address)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut connection.stream, Token(token), interest)?;
            connection.prepare(self.bodies, next.next().expect("no end"));
            connections.push(connection);
        }
        let (mut phase, mut events) = (Phase::WarmUp, Events::with_capacity(1024));
        let began = Instant::now();
        let mut in_flight = connections.len();
        while in_flight > 0 {
            poll.poll(&mut events, Some(Duration::from_millis(20)))?;
            for event in &events {
                let connection = &mut connections[event.token().0];
                if event.is_writable() {
                    connection.write()?;
                }
                if !event.is_readable() {
                    continue;
                }
                let Some((status, delivery)) = connection.read()? else { continue };
                let took = connection.began.elapsed();
                match (status, delivery) {
                    (200, Some(delivery)) => {
                        loaded.acknowledged.push(Acknowledged { number: connection.number, delivery });
                        if matches!(phase, Phase::Measured { .. }) {
                            loaded.latencies.add(took);
                        }
                    }
                    _ => loaded.refused += 1,
                }
                if matches!(phase, Phase::Over) {
                    in_flight -= 1;
                    continue;
                }
                connection.count += 1;
                match self.repeat_every > 0 && connection.count % self.repeat_every == 0 {
                    true => connection.rewind(),
                    false => connection.prepare(self.bodies, next.next().expect("no end")),
                }
                connection.write()?;
            }
            let now = Instant::now();
            match phase {
                Phase::WarmUp if now - began >= self.warm_up => {
                    mark()?;
                    phase = Phase::Measured { since: Instant::now(), cpu: thread_cpu() };
                }
                Phase::Measured { since, cpu } if now - since >= self.length => {
                    loaded.length = since.elapsed();
                    loaded.cpu = thread_cpu() - cpu;
                    mark()?;
                    phase = Phase::Over;
                }
                Phase::Over if now - began > self.warm_up + self.length + PATIENCE => {
                    bail!("{in_flight} requests were never answered");
                }
                _ => {}
            }
        }
        loaded.bodies = next.start;
        Ok(loaded)
    }
}

impl Connection {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            written: 0,
            answer: Box::new([0; ANSWER]),
            read: 0,
            began: Instant::now(),
            number: 0,
            count: 0,
        })
    }

    fn prepare(&mut self, bodies: &Bodies, number: u64) {
        self.number = number;
        self.request.clear();
        write!(self.request, "{HEAD}Content-Length: {}\r\n\r\n", bodies.length(number)).expect("memory");
        bodies.append(number, &mut self.request);
        self.rewind();
    }

    fn rewind(&mut self) {
        (self.written, self.read, self.began) = (0, 0, Instant::now());
    }

    /// Writes what can be written now.
    fn write(&mut self) -> anyhow::Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(error) => return Err(error).context("the server closed a connection"),
            }
        }
        Ok(())
    }

    /// Reads what is there. Status and delivery, where the answer is whole.
    fn read(&mut self) -> anyhow::Result<Option<(u16, Option<i64>)>> {
        match self.stream.read(&mut self.answer[self.read..]) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => self.read += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("the server closed a connection"),
        }
        ensure!(self.read < ANSWER, "an answer of more than {ANSWER} bytes");
        whole(&self.answer[..self.read])
    }
}

const HEAD: &str = "POST /webhooks/jobmojito/interview_result HTTP/1.1\r\n\
                    Host: 127.0.0.1\r\n\
                    User-Agent: mojito-bench\r\n\
                    X-Mojito-Secret: only-for-measurements-0123456789\r\n\
                    Content-Type: application/json\r\n";

/// Status and delivery of the answer in these bytes, if it is all there.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<(u16, Option<i64>)>> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = (std::str::from_utf8(&bytes[..head])?, &bytes[head + 4..]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.context("an answer without a length")??;
    if body.len() < length {
        return Ok(None);
    }
    let status = head.get(9..12).context("an answer without a status")?.parse()?;
    let delivery = std::str::from_utf8(body)?.strip_prefix(r#"{"delivery":""#).and_then(|rest| rest.split_once('"'));
    Ok(Some((status, delivery.and_then(|(id, _)| id.parse().ok()))))
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
}
