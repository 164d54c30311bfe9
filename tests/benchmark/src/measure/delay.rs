use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};

use super::WARM_UP;
use super::backlog::wait_until_handled;
use crate::audit::audit;
use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::latency::Latencies;
use crate::server::Server;
use crate::system::{Backend, System};

/// Enough that one is always free: else requests would wait in the client.
const CONNECTIONS: usize = 128;

/// From the moment at which a request is due until its handler starts, in milliseconds. The acknowledgement lies in
/// between: from recorded to started it is less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay {
    /// Requests in a second.
    pub pace: f64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Delay {
    pub fn measure(backend: Backend, bench: &Bench, pace: f64, length: Duration) -> anyhow::Result<Self> {
        let mut database = Database::create(backend)?;
        let server = Server::start(System::PluginHandling, &database, "{}")?;
        let load = Load::new(server.address, &bench.bodies, CONNECTIONS, length);
        let load = Load { pace: Some(pace), warm_up: WARM_UP, ..load };
        let loaded = load.run(|| Ok(()))?;
        wait_until_handled(&server, &mut database, loaded.bodies)?;
        server.kill()?;
        audit(System::PluginHandling, &mut database, &bench.bodies, &loaded)?;

        let since = loaded.began.duration_since(SystemTime::UNIX_EPOCH)?;
        let started: HashMap<i64, i64> =
            database.pairs("SELECT delivery_id AS first, started_at AS second FROM desk_events")?.into_iter().collect();
        let mut latencies = Latencies::default();
        for acknowledged in loaded.acknowledged.iter().filter(|acknowledged| acknowledged.due >= WARM_UP) {
            let started = started.get(&acknowledged.delivery).context("a delivery was handled, and left no effect")?;
            let started = Duration::from_micros(u64::try_from(*started)?);
            latencies.add(started.saturating_sub(since + acknowledged.due));
        }
        ensure!(latencies.len() >= 100, "{} deliveries are too few for a 99th percentile", latencies.len());
        let [p50, p99, max] = latencies.quantiles([0.5, 0.99, 1.0]);
        Ok(Self { pace, p50, p99, max })
    }
}
