use std::time::Duration;

use anyhow::ensure;

use crate::audit::audit;
use crate::body::Bodies;
use crate::client::Load;
use crate::database::Database;
use crate::fsync::Ledger;
use crate::process;
use crate::server::Server;
use crate::system::{Backend, System};

/// One run: a system on a fresh database under one load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Case {
    pub backend: Backend,
    pub connections: usize,
    pub has_repeats: bool,
    pub system: System,
}

/// What one run gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    /// Acknowledged deliveries in a second.
    pub rate: f64,
    /// Milliseconds.
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

/// What can be read at a moment.
struct Mark {
    server: Duration,
    database: Duration,
    fsync: crate::fsync::Entry,
}

impl Case {
    /// Starts the system, loads it, kills it, and checks what it has stored.
    pub fn measure(
        self,
        bodies: &Bodies,
        ledger: &Ledger,
        warm_up: Duration,
        length: Duration,
    ) -> anyhow::Result<Measurement> {
        let mut database = Database::create(self.backend)?;
        let server = Server::start(self.system, &database, "{}")?;
        let mut marks = Vec::new();
        let load = Load {
            address: server.address,
            bodies,
            connections: self.connections,
            warm_up,
            length,
            repeat_every: if self.has_repeats { 10 } else { 0 },
        };
        let loaded = load.run(|| {
            marks.push(Mark { server: process::cpu(server.id())?, database: database.cpu()?, fsync: ledger.read()? });
            Ok(())
        })?;
        ensure!(loaded.refused == 0, "{} requests were refused", loaded.refused);
        let memory = process::memory(server.id())?.peak;
        server.kill()?;
        audit(self.system, &mut database, bodies, &loaded)?;

        let [began, ended] = marks.as_slice() else { unreachable!("marked twice") };
        let thousands = loaded.latencies.len() as f64 / 1000.0;
        let (fsyncs, fsync) = ended.fsync.since(began.fsync);
        let rate = loaded.latencies.len() as f64 / loaded.length.as_secs_f64();
        let [p50, p99, p999] = loaded.latencies.quantiles([0.5, 0.99, 0.999]);
        Ok(Measurement {
            rate,
            p50,
            p99,
            p999,
            server_cpu: (ended.server - began.server).as_secs_f64() / thousands,
            database_cpu: (ended.database - began.database).as_secs_f64() / thousands,
            client_cpu: loaded.cpu.as_secs_f64() / thousands,
            memory: memory as f64 / f64::from(1 << 20),
            fsync: fsync.as_secs_f64() * 1000.0,
            fsyncs: fsyncs as f64 / thousands,
        })
    }
}
