use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::audit::audit;
use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::process;
use crate::server::Server;
use crate::system::{Backend, System};

/// How many connections post.
const CONNECTIONS: usize = 64;

/// How long recording may take at most.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long nothing may be handled.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is asked how far the handlers are.
const INTERVAL: Duration = Duration::from_millis(10);

const OPEN: &str = "SELECT count(*) AS number FROM mojito_work WHERE finished_at IS NULL";

/// What was recorded while the handler was paused, and handled after that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlog {
    pub deliveries: u64,
    /// In a second.
    pub recorded: f64,
    pub handled: f64,
    /// CPU seconds of application and database for 1,000 handled deliveries.
    pub cpu: f64,
}

impl Backlog {
    pub fn measure(backend: Backend, bench: &Bench, deliveries: u64) -> anyhow::Result<Self> {
        let mut database = Database::create(backend)?;
        let server = Server::start(System::Example, &database, r#"{paused_handlers=["HiringDesk"]}"#)?;
        let load = Load { enough: deliveries, ..Load::new(server.address, &bench.bodies, CONNECTIONS, LONGEST) };
        let loaded = load.run(|| Ok(()))?;
        server.kill()?;
        audit(System::Example, &mut database, &bench.bodies, &loaded)?;

        let server = Server::start(System::Example, &database, "{}")?;
        let (began, cpu) = (Instant::now(), process::cpu(server.id())? + database.cpu()?);
        wait_until_done(&mut database)?;
        let took = began.elapsed();
        let cpu = process::cpu(server.id())? + database.cpu()? - cpu;
        server.kill()?;
        for count in [
            "SELECT count(*) AS number FROM mojito_work WHERE state = 'completed'",
            "SELECT count(*) AS number FROM application_events",
        ] {
            let number = database.number(count)?;
            ensure!(u64::try_from(number)? == deliveries, "{number} of {deliveries} were handled: {count}");
        }
        Ok(Self {
            deliveries,
            recorded: deliveries as f64 / loaded.length.as_secs_f64(),
            handled: deliveries as f64 / took.as_secs_f64(),
            cpu: cpu.as_secs_f64() / deliveries as f64 * 1000.0,
        })
    }
}

/// Waits until nothing is left to do.
///
/// # Errors
///
/// When nothing happens any more.
fn wait_until_done(database: &mut Database) -> anyhow::Result<()> {
    let (mut last, mut changed) = (i64::MAX, Instant::now());
    loop {
        let open = database.number(OPEN)?;
        if open == 0 {
            return Ok(());
        }
        if open < last {
            (last, changed) = (open, Instant::now());
        }
        ensure!(changed.elapsed() < PATIENCE, "{open} deliveries are not handled");
        // Counting many open rows takes time.
        sleep(10 * INTERVAL);
    }
}

/// Waits until handlers have ended so many times, and nothing is left to do.
///
/// # Errors
///
/// When nothing happens any more.
pub(super) fn wait_until_handled(server: &Server, database: &mut Database, deliveries: u64) -> anyhow::Result<()> {
    let (mut last, mut changed) = (0, Instant::now());
    loop {
        let handled = server.ask("GET /handled")?.parse()?;
        // The handler is counted before its commit. Asked for only then: counting many open rows takes time.
        if handled >= deliveries && database.number(OPEN)? == 0 {
            return Ok(());
        }
        if handled > last {
            (last, changed) = (handled, Instant::now());
        }
        ensure!(changed.elapsed() < PATIENCE, "only {handled} of {deliveries} were handled");
        sleep(INTERVAL);
    }
}
