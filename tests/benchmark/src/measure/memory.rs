use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::ensure;

use crate::audit::audit;
use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::process;
use crate::server::Server;
use crate::system::{Backend, System};

/// How many connections post.
const CONNECTIONS: usize = 256;

/// How often memory is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// The memory of the example, which handles what comes, while many connections post, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// How long they posted.
    pub length: Duration,
    pub peak: f64,
    /// The means of the second and of the last quarter of the time: flat memory is the same in both.
    pub early: f64,
    pub late: f64,
}

impl Footprint {
    pub fn measure(backend: Backend, bench: &Bench, length: Duration) -> anyhow::Result<Self> {
        let mut database = Database::create(backend)?;
        let server = Server::start(System::Example, &database, "{}")?;
        let (id, is_over) = (server.id(), AtomicBool::new(false));
        let (loaded, samples) = thread::scope(|scope| {
            let sampler = scope.spawn(|| sample(id, &is_over));
            let loaded = Load::new(server.address, &bench.bodies, CONNECTIONS, length).run(|| Ok(()));
            is_over.store(true, Ordering::Relaxed);
            (loaded, sampler.join().expect("a sampler does not panic"))
        });
        let (loaded, samples) = (loaded?, samples?);
        let peak = process::memory(id)?.peak.mebibytes();
        server.kill()?;
        audit(System::Example, &mut database, &bench.bodies, &loaded)?;
        let handled = database.number("SELECT count(*) AS number FROM application_events")?;
        ensure!(handled > 0, "nothing was handled meanwhile");
        let quarter = samples.len() / 4;
        ensure!(quarter > 0, "{length:?} are too short to see how memory grows");
        Ok(Self { length, peak, early: mean(&samples[quarter..2 * quarter]), late: mean(&samples[3 * quarter..]) })
    }
}

/// Memory in MiB, at even intervals, until it is over.
fn sample(id: u32, is_over: &AtomicBool) -> anyhow::Result<Vec<f64>> {
    let mut samples = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        samples.push(process::memory(id)?.now.mebibytes());
        thread::sleep(INTERVAL);
    }
    Ok(samples)
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}
