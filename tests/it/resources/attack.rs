use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::harness::{AUTH, BASE, Body, Connection, Database, Memory, PATIENCE, Process, ProcessBuilder, request};

/// How many good requests a measurement takes.
const GOOD: usize = 40;

/// A host under attack, and what it was like before.
pub(super) struct HostUnderAttack {
    process: Process,
    pub(super) address: SocketAddr,
    calm: Duration,
    before: Memory,
    _database: Arc<Database>,
}

impl HostUnderAttack {
    /// Starts a host, and measures it while nobody attacks.
    pub(super) async fn start(change: impl FnOnce(ProcessBuilder) -> ProcessBuilder) -> Self {
        let database = Arc::new(Database::with_effects());
        let mut process = change(Process::builder(&database)).start().await;
        let address = process.ready().await.expect("it listens");
        // Once to warm up: threads, caches, statements.
        good_requests(address).await;
        let calm = good_requests(address).await;
        let before = process.memory();
        Self { process, address, calm, before, _database: database }
    }

    /// How much more memory it has than before the attack.
    pub(super) fn growth(&self) -> Memory {
        self.process.memory() - self.before
    }

    /// Fails where good requests are much slower than they were: they would wait for seconds each.
    #[expect(clippy::print_stdout, reason = "the figure that a test is about")]
    pub(super) async fn assert_serves(&self, what: &str) {
        let attacked = good_requests(self.address).await;
        println!("{GOOD} good requests: {:?} in peace, {attacked:?} with {what}", self.calm);
        assert!(
            attacked < self.calm * 10 + Duration::from_secs(4),
            "{:?} in peace, {attacked:?} with {what}",
            self.calm
        );
    }

    /// Fails where it has more memory than so many MiB over what it had.
    #[expect(clippy::print_stdout, reason = "the figure that a test is about")]
    pub(super) fn assert_flat(&self, mebibytes: i64, what: &str) {
        let growth = self.growth();
        println!("memory with {what}: {growth} more");
        assert!(growth.peak < mebibytes << 10, "{growth} more with {what}");
    }

    /// So many clients at once, each doing this. The outcomes of all.
    pub(super) async fn by<F, T>(&self, clients: u32, client: impl Fn(SocketAddr, u32) -> F) -> Vec<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            tasks.spawn(client(self.address, number));
        }
        tokio::time::timeout(PATIENCE * 2, tasks.join_all()).await.expect("every client comes to an end")
    }
}

/// Sends good requests one after the other, each small and new. How long they took.
async fn good_requests(address: SocketAddr) -> Duration {
    static SENT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let began = Instant::now();
    for _ in 0..GOOD {
        let number = SENT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let body = Body::result(&format!("good-{number}")).bytes();
        let mut connection = Connection::open(address).await;
        connection.send(&request("POST", BASE, &[AUTH], &body)).await;
        assert_eq!(connection.answer().await.expect("an answer").status, 200);
    }
    began.elapsed()
}
