use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::postgres_protocol::{Commits, Frames};

/// A link to a Postgres server that does to what passes whatever a test wants. Without TLS, so that it can be read.
pub(crate) struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
    acceptor: JoinHandle<()>,
}

/// The condition of the network that connections pass through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NetworkCondition {
    /// It passes.
    Normal,
    /// It takes its time: so long each way, up to so much longer, and so many bytes a second.
    Slow { latency: Duration, jitter: Duration, bytes_per_second: u32 },
    /// It vanishes, and nobody is told. A connection that has lost anything stays silent for good.
    BlackHole(Direction),
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
    Both,
}

/// The message of a commit that is lost when the connection is cut over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostMessage {
    /// The message: it is not committed, and nobody knows.
    Commit,
    /// The reply: it is committed, and nobody knows. Statements before it may still be answered.
    Reply,
    /// The same, and every reply that had not come before the commit was sent.
    Replies,
}

/// Bytes, and the moment at which they were read.
type Sender = mpsc::UnboundedSender<(Instant, Vec<u8>)>;
type Receiver = mpsc::UnboundedReceiver<(Instant, Vec<u8>)>;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

struct Link {
    server: SocketAddr,
    /// The weather, and which connections it is for: those with a lower number.
    condition: watch::Sender<(NetworkCondition, u64)>,
    /// Connections with a lower number are cut.
    oldest: watch::Sender<u64>,
    /// The messages that the next commits lose that follow a word.
    losses: Mutex<Vec<(LostMessage, Vec<u8>)>>,
    /// The statement over which a connection falls silent: a word of it.
    silencer: Mutex<Option<Vec<u8>>>,
    /// The transaction that hears nothing more until it asks for its commit: a word that it says.
    unheard: Mutex<Option<Vec<u8>>>,
    opened: AtomicU64,
    open: AtomicUsize,
    fired: AtomicUsize,
}

/// The faults that one connection is to have.
#[derive(Default)]
struct ConnectionState {
    lost: Mutex<Option<LostMessage>>,
    is_silent: AtomicBool,
    /// Whether replies are kept for now.
    is_unheard: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link {
            server,
            condition: watch::Sender::new((NetworkCondition::Normal, u64::MAX)),
            oldest: watch::Sender::new(0),
            losses: Mutex::default(),
            silencer: Mutex::default(),
            unheard: Mutex::default(),
            opened: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            fired: AtomicUsize::new(0),
        });
        let links = Arc::clone(&link);
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = links.opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(Arc::clone(&links).carry(client, number));
            }
        });
        Self { address, link, acceptor }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather for every connection, also for those to come.
    pub(crate) fn set(&self, condition: NetworkCondition) {
        self.link.condition.send_replace((condition, u64::MAX));
    }

    /// Lets every connection that is open now fall silent. Those to come are well. How many there were.
    pub(crate) fn silence(&self, direction: Direction) -> usize {
        self.link
            .condition
            .send_replace((NetworkCondition::BlackHole(direction), self.link.opened.load(Ordering::SeqCst)));
        self.open()
    }

    /// Cuts every connection that is open now. How many there were.
    pub(crate) fn cut(&self) -> usize {
        let open = self.open();
        self.link.oldest.send_replace(self.link.opened.load(Ordering::SeqCst));
        self.link.fired.fetch_add(open, Ordering::SeqCst);
        open
    }

    /// Cuts the connection over the next commit of a transaction that says `word`, whatever else it says.
    pub(crate) fn cut_commit(&self, loss: LostMessage, word: &str) {
        self.link.losses.lock().unwrap().push((loss, word.as_bytes().to_vec()));
    }

    /// Keeps the replies to the next transaction that says `word`, from there on until it asks for its commit.
    pub(crate) fn answer_at_commit(&self, word: &str) {
        *self.link.unheard.lock().unwrap() = Some(word.as_bytes().to_vec());
    }

    /// Lets the next connection that sends `word` fall silent both ways, for good. The server has then been told to run
    /// that statement, and not that this is all.
    pub(crate) fn silence_over(&self, word: &str) {
        *self.link.silencer.lock().unwrap() = Some(word.as_bytes().to_vec());
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.link.open.load(Ordering::SeqCst)
    }

    /// How often it has done what it was told to: cut or silenced a connection, lost a reply, or held up a message.
    pub(crate) fn fired(&self) -> usize {
        self.link.fired.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut();
    }
}

impl Link {
    /// Carries one connection until either side ends it, or it is cut.
    async fn carry(self: Arc<Self>, client: TcpStream, number: u64) {
        self.open.fetch_add(1, Ordering::SeqCst);
        if let Ok(server) = TcpStream::connect(self.server).await {
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            let (mut oldest, state) = (self.oldest.subscribe(), ConnectionState::default());
            let (request, requests) = mpsc::unbounded_channel();
            let (reply, replies) = mpsc::unbounded_channel();
            tokio::select! {
                _ = oldest.wait_for(|oldest| number < *oldest) => {}
                () = self.read_requests(from_client, request, &state) => {}
                () = read_replies(from_server, reply, &state) => {}
                () = self.deliver(requests, to_server, number, Direction::ToServer) => {}
                () = self.deliver(replies, to_client, number, Direction::ToClient) => {}
            }
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Reads message by message, so that a commit is seen.
    async fn read_requests(&self, mut from: OwnedReadHalf, requests: Sender, state: &ConnectionState) {
        let (mut read, mut frames, mut said) = (vec![0; CHUNK], Frames::default(), Vec::new());
        let mut commits = Commits::default();
        while let Ok(count @ 1..) = from.read(&mut read).await {
            frames.received.extend_from_slice(&read[..count]);
            while let Some(message) = frames.next() {
                if state.is_silent.load(Ordering::SeqCst) {
                    continue;
                }
                let is_commit = commits.has(&message);
                let loss = is_commit.then(|| self.loss_after(&std::mem::take(&mut said))).flatten();
                match loss {
                    Some(LostMessage::Commit) => return,
                    Some(loss) => *state.lost.lock().unwrap() = Some(loss),
                    None => said.extend_from_slice(&message),
                }
                if is_commit {
                    state.is_unheard.send_replace(false);
                } else if takes(&self.unheard, &said) {
                    self.fired.fetch_add(1, Ordering::SeqCst);
                    state.is_unheard.send_replace(true);
                }
                if message.starts_with(b"E") && self.is_to_be_silent_after(&said) {
                    state.is_silent.store(true, Ordering::SeqCst);
                }
                let _ = requests.send((Instant::now(), message));
            }
        }
    }

    /// The message that a commit loses, after this was said.
    fn loss_after(&self, said: &[u8]) -> Option<LostMessage> {
        let mut losses = self.losses.lock().unwrap();
        let meant = losses.iter().position(|(_, word)| contains(said, word))?;
        self.fired.fetch_add(1, Ordering::SeqCst);
        Some(losses.swap_remove(meant).0)
    }

    fn is_to_be_silent_after(&self, said: &[u8]) -> bool {
        let is_meant = takes(&self.silencer, said);
        self.fired.fetch_add(usize::from(is_meant), Ordering::SeqCst);
        is_meant
    }

    /// Delivers what was read, in its order, as the weather lets it.
    async fn deliver(&self, mut carried: Receiver, mut to: OwnedWriteHalf, number: u64, direction: Direction) {
        let mut is_silent = false;
        while let Some((read_at, bytes)) = carried.recv().await {
            let (condition, older_than) = *self.condition.borrow();
            match condition {
                NetworkCondition::Slow { latency, jitter, bytes_per_second } => {
                    let on_the_wire = Duration::from_secs_f64(bytes.len() as f64 / f64::from(bytes_per_second));
                    let pause = latency + jitter.mul_f64(fastrand::f64()) + on_the_wire;
                    tokio::time::sleep_until(read_at + pause).await;
                    self.fired.fetch_add(1, Ordering::SeqCst);
                }
                NetworkCondition::BlackHole(hole)
                    if number < older_than && (hole == Direction::Both || hole == direction) =>
                {
                    is_silent = true;
                    self.fired.fetch_add(1, Ordering::SeqCst);
                }
                _ => {}
            }
            if !is_silent && to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

fn contains(said: &[u8], word: &[u8]) -> bool {
    memmem::find(said, word).is_some()
}

/// Whether the word was said that was waited for, once.
fn takes(awaited: &Mutex<Option<Vec<u8>>>, said: &[u8]) -> bool {
    awaited.lock().unwrap().take_if(|word| contains(said, word)).is_some()
}

/// Reads as it comes, until the reply that is to be lost.
async fn read_replies(mut from: OwnedReadHalf, replies: Sender, state: &ConnectionState) {
    let mut read = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut read).await {
        if state.is_silent.load(Ordering::SeqCst) {
            continue;
        }
        let _ = state.is_unheard.subscribe().wait_for(|is_unheard| !is_unheard).await;
        let lost = *state.lost.lock().unwrap();
        let ends = [&b"COMMIT\0"[..], b"ROLLBACK\0"].iter().any(|word| contains(&read[..count], word));
        match (lost, ends) {
            (Some(_), true) => return,
            (Some(LostMessage::Replies), false) => continue,
            _ => {}
        }
        let _ = replies.send((Instant::now(), read[..count].to_vec()));
    }
}
