use std::time::Duration;

use anyhow::ensure;

use super::WARM_UP;
use crate::audit::audit;
use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::fsync::Entry;
use crate::process;
use crate::server::Server;
use crate::system::{Backend, System};

/// In the mode with repeats: one of so many.
const REPEAT_EVERY: u64 = 10;

/// A system on a fresh database, under one load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Case {
    pub backend: Backend,
    pub has_repeats: bool,
    pub connections: usize,
    pub system: System,
}

/// How fast it was in one run, and what that cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    /// Acknowledged deliveries in a second.
    pub rate: f64,
    /// Milliseconds from the request to the answer.
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    /// CPU seconds for 1,000 deliveries.
    pub server_cpu: f64,
    pub database_cpu: f64,
    pub client_cpu: f64,
    /// The most memory that the server had, in MiB.
    pub memory: f64,
    /// Milliseconds of an fsync in the mean, and how many there were for 1,000 deliveries.
    pub fsync: f64,
    pub fsyncs: f64,
}

/// What was counted until some moment.
struct Mark {
    server: Duration,
    database: Duration,
    fsync: Entry,
}

impl Case {
    /// Starts the system, loads it, kills it, and checks what it has stored.
    pub fn measure(self, bench: &Bench, length: Duration) -> anyhow::Result<Speed> {
        let mut database = Database::create(self.backend)?;
        let server = Server::start(self.system, &database, "{}")?;
        let load = Load {
            warm_up: WARM_UP,
            repeat_every: self.has_repeats.then_some(REPEAT_EVERY),
            ..Load::new(server.address, &bench.bodies, self.connections, length)
        };
        let mut marks = Vec::new();
        let loaded = load.run(|| {
            let (server, database) = (process::cpu(server.id())?, database.cpu()?);
            marks.push(Mark { server, database, fsync: bench.ledger.read()? });
            Ok(())
        })?;
        let memory = process::memory(server.id())?.peak;
        server.kill()?;
        audit(self.system, &mut database, &bench.bodies, &loaded)?;

        let [began, ended] = marks.as_slice() else { unreachable!("marked twice") };
        let (fsyncs, fsync) = ended.fsync.since(began.fsync);
        ensure!(fsyncs > 0 || self.system.tables().is_none(), "no fsync was seen: is slow_fsync.c preloaded?");
        let thousands = loaded.latencies.len() as f64 / 1000.0;
        let rate = loaded.latencies.len() as f64 / loaded.length.as_secs_f64();
        let [p50, p99, p999] = loaded.latencies.quantiles([0.5, 0.99, 0.999]);
        Ok(Speed {
            rate,
            p50,
            p99,
            p999,
            server_cpu: (ended.server - began.server).as_secs_f64() / thousands,
            database_cpu: (ended.database - began.database).as_secs_f64() / thousands,
            client_cpu: loaded.cpu.as_secs_f64() / thousands,
            memory: memory.mebibytes(),
            fsync: fsync.as_secs_f64() * 1000.0,
            fsyncs: fsyncs as f64 / thousands,
        })
    }
}

impl Speed {
    /// Over the lines.
    pub const HEADS: &'static str =
        "                           conn  acked/s    p50    p99  p99.9   cpu: app      db  client  MiB  fsync  /1000";

    /// All of it in a line.
    pub fn line(&self, case: Case) -> String {
        let Case { backend, has_repeats, connections, system } = case;
        format!(
            "{backend:<8} {system:<12} {:<4} {connections:>4} {:>8.0} {:>6.1} {:>6.1} {:>6.1}     {:.4}  {:.4}  {:.4} {:>4.0} \
             {:>6.2} {:>6.1}",
            if has_repeats { "rep." } else { "" },
            self.rate,
            self.p50,
            self.p99,
            self.p999,
            self.server_cpu,
            self.database_cpu,
            self.client_cpu,
            self.memory,
            self.fsync,
            self.fsyncs,
        )
    }
}
