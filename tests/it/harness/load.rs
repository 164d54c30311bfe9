use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Answer, Body, Ledger, PATIENCE, PostOutcome, SECRET, head, request};

/// How many senders post at once.
pub(crate) const SENDERS: usize = 8;

/// Senders that post to whatever host is up, until they are stopped. They live in the test, and are never killed.
///
/// Each sender has results of its own, and repeats a delivery about them until it is acknowledged, as a vendor does
/// that knows the order. All have some in common, about which they send each delivery once.
pub(crate) struct Load {
    // Dropped first, which ends them.
    senders: JoinSet<()>,
    pub(crate) ledger: Ledger,
    hosts: watch::Sender<Vec<SocketAddr>>,
    in_flight: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
}

impl Load {
    /// Starts the senders. Each pauses up to `pause` between two posts.
    pub(crate) fn start(random: &mut Rng, pause: Duration) -> Self {
        Self::over(random, pause, 3, 3)
    }

    /// Starts senders with so many results of their own each, and so many in common.
    pub(crate) fn over(random: &mut Rng, pause: Duration, own: u8, shared: u8) -> Self {
        let (ledger, hosts, stop) = (Ledger::default(), watch::Sender::default(), watch::Sender::new(false));
        let in_flight = Arc::<AtomicUsize>::default();
        let mut senders = JoinSet::new();
        for number in 0..SENDERS {
            let sender = Sender {
                number,
                random: random.fork(),
                pause,
                results: (own, shared),
                ledger: ledger.clone(),
                hosts: hosts.subscribe(),
                in_flight: Arc::clone(&in_flight),
            };
            senders.spawn(sender.run(stop.subscribe()));
        }
        Self { senders, ledger, hosts, in_flight, stop }
    }

    /// Tells the senders where to post. With no address they wait.
    pub(crate) fn post_to(&self, hosts: &[SocketAddr]) {
        self.hosts.send_replace(hosts.to_vec());
    }

    /// Waits until so many deliveries are acknowledged, as long as there are more and more.
    pub(crate) async fn acknowledged(&self, count: usize) {
        let (mut acknowledged, mut since) = (0, Instant::now());
        while acknowledged < count {
            assert!(since.elapsed() < PATIENCE, "no more than {acknowledged} of {count} are acknowledged");
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.ledger.tally().acknowledged;
            if now > acknowledged {
                (acknowledged, since) = (now, Instant::now());
            }
        }
    }

    /// How many requests are on their way at this moment.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until what was begun is answered, then ends the senders.
    pub(crate) async fn stop(self) -> Ledger {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.senders.join_all()).await.expect("the senders end");
        self.ledger
    }
}

struct Sender {
    number: usize,
    random: Rng,
    pause: Duration,
    /// How many results it has of its own, and in common with the others.
    results: (u8, u8),
    ledger: Ledger,
    hosts: watch::Receiver<Vec<SocketAddr>>,
    in_flight: Arc<AtomicUsize>,
}

impl Sender {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        for count in 0.. {
            let pause = self.pause.mul_f64(self.random.f64());
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            let is_shared = self.random.u8(0..4) == 0;
            let (event, body) = self.next(count, is_shared);
            let entry = self.ledger.enter(event, body.clone());
            while !self.post(entry, event, &body, &mut stop).await && !is_shared {
                if *stop.borrow() {
                    return;
                }
            }
        }
    }

    /// A delivery that is like no other: its marker is the candidate's external id.
    fn next(&mut self, count: usize, is_shared: bool) -> (&'static str, Vec<u8>) {
        let id = match (is_shared, self.results) {
            (true, (_, shared)) => format!("shared-{}", self.random.u8(0..shared)),
            (false, (own, _)) => format!("own-{}-{}", self.number, self.random.u8(0..own)),
        };
        let (event, body) = match self.random.u8(0..10) {
            0 => ("interview_collected", Body::collected(&id)),
            1 => ("interview_failed", Body::failed(&id)),
            _ => ("interview_result", Body::result(&id)),
        };
        let marker = format!("mark-{}-{count}", self.number);
        (event, body.with("candidate_external_id", marker).bytes())
    }

    /// Posts once, as soon as there is a host. Whether it was acknowledged.
    async fn post(&mut self, entry: usize, event: &str, body: &[u8], stop: &mut watch::Receiver<bool>) -> bool {
        let host = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return false,
            hosts = self.hosts.wait_for(|hosts| !hosts.is_empty()) => {
                *self.random.choice(hosts.expect("the load lives").iter()).expect("one at least")
            }
        };
        self.ledger.begin(entry);
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let outcome = PostOutcome::from(try_post(host, event, body).await);
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.ledger.end(entry, outcome);
        if !outcome.is_acknowledged() {
            // The host may be on its way down: let it go before asking again.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        outcome.is_acknowledged()
    }
}

impl From<Option<Answer>> for PostOutcome {
    fn from(answer: Option<Answer>) -> Self {
        match answer {
            None => Self::NoAnswer,
            Some(answer) if answer.status == 200 => Self::Acknowledged(answer.delivery()),
            Some(answer) => Self::Refused(answer.status),
        }
    }
}

/// Posts a body to the default endpoint with its secret, on a connection of its own. None where no answer came back
/// whole: the host may be down, or go down.
pub(crate) async fn try_post(host: SocketAddr, event: &str, body: &[u8]) -> Option<Answer> {
    let path = format!("/webhooks/jobmojito/{event}");
    exchange(host, &request("POST", &path, &[("X-Mojito-Secret", SECRET), ("Connection", "close")], body)).await
}

/// The same to another endpoint, with a secret of its own.
pub(crate) async fn post_to_endpoint(host: SocketAddr, endpoint: &str, secret: &str, body: &[u8]) -> Option<Answer> {
    let path = format!("/webhooks/jobmojito/{endpoint}/interview_result");
    exchange(host, &request("POST", &path, &[("X-Mojito-Secret", secret), ("Connection", "close")], body)).await
}

/// The same for a request without a body.
pub(crate) async fn try_send(host: SocketAddr, method: &str, path: &str) -> Option<Answer> {
    exchange(host, &head(method, path, &[("Connection", "close")])).await
}

async fn exchange(host: SocketAddr, request: &[u8]) -> Option<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(host).await.ok()?;
        stream.write_all(request).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        whole(&answer)
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("an answer, or an end of the connection")
}

/// Posts all bodies at once, each to the next host. The outcomes are in the order of the bodies.
pub(crate) async fn post_at_once(hosts: &[SocketAddr], bodies: Vec<Vec<u8>>) -> Vec<PostOutcome> {
    let mut posts = JoinSet::new();
    for (number, body) in bodies.into_iter().enumerate() {
        let address = hosts[number % hosts.len()];
        posts.spawn(async move { (number, PostOutcome::from(try_post(address, "interview_result", &body).await)) });
    }
    let mut outcomes = posts.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The answer in these bytes, if it is all there.
fn whole(bytes: &[u8]) -> Option<Answer> {
    let (head, body) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let answer = Answer { status, headers, body: body.to_owned() };
    (answer.header("content-length")?.parse() == Ok(body.len())).then_some(answer)
}
