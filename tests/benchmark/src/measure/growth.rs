use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::backlog::wait_until_handled;
use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::process;
use crate::server::Server;
use crate::system::{Backend, System};

/// How many connections post.
const CONNECTIONS: usize = 64;

/// The most work that waits, and the most rows that are pruned.
const MOST_WAITING: u64 = 100_000;
const MOST_PRUNED: u64 = 10_000;

/// What one delivery costs in a database with many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// How many there were, and how many of them waited for their handler.
    pub deliveries: u64,
    pub waiting: u64,
    pub handled: Cost,
    pub pruned: Cost,
    pub recorded: Cost,
}

/// What one of many cost: milliseconds of time and of CPU, of application and database together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub time: f64,
    pub cpu: f64,
}

/// Counts from when it is made.
struct Meter<'m> {
    server: &'m Server,
    began: Instant,
    cpu: Duration,
}

impl Growth {
    /// Half of the deliveries wait for their handler, the others have been handled before.
    pub fn measure(backend: Backend, bench: &Bench, deliveries: u64, length: Duration) -> anyhow::Result<Self> {
        let mut database = Database::create(backend)?;
        // Makes the tables.
        Server::start(System::PluginHandling, &database, "{}")?.kill()?;
        let waiting = (deliveries / 2).min(MOST_WAITING);
        let settled = deliveries - waiting;
        database.fill(&bench.bodies, settled, waiting)?;

        let server = Server::start(System::PluginHandling, &database, "{}")?;
        let meter = Meter::start(&server, &database)?;
        wait_until_handled(&server, &mut database, waiting)?;
        let handled = meter.cost(&database, waiting)?;

        let aged = settled.min(MOST_PRUNED);
        database.age(aged)?;
        let meter = Meter::start(&server, &database)?;
        let answer = server.ask("POST /prune")?;
        let pruned = meter.cost(&database, aged)?;
        let (bodies, rows) = answer.split_once(' ').context("two numbers")?;
        ensure!(rows.parse() == Ok(aged / 2), "{rows} of {aged} deliveries were pruned, and {bodies} bodies");

        let meter = Meter::start(&server, &database)?;
        let loaded = Load::new(server.address, &bench.bodies, CONNECTIONS, length).run(|| Ok(()))?;
        let recorded = meter.cost(&database, loaded.acknowledged.len() as u64)?;
        server.kill()?;
        Ok(Self { deliveries, waiting, handled, pruned, recorded })
    }
}

impl<'m> Meter<'m> {
    fn start(server: &'m Server, database: &Database) -> anyhow::Result<Self> {
        Ok(Self { server, began: Instant::now(), cpu: process::cpu(server.id())? + database.cpu()? })
    }

    fn cost(&self, database: &Database, count: u64) -> anyhow::Result<Cost> {
        let cpu = process::cpu(self.server.id())? + database.cpu()? - self.cpu;
        let each = |time: Duration| time.as_secs_f64() * 1000.0 / count as f64;
        Ok(Cost { time: each(self.began.elapsed()), cpu: each(cpu) })
    }
}
