//! Starts each system on a fresh database, loads it, checks what it stored, and prints what came out. See `tests/bench`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod audit;
mod body;
mod client;
mod database;
mod fsync;
mod latency;
mod measurement;
mod process;
mod server;
mod system;

use std::collections::BTreeMap;
use std::time::Duration;

use self::body::Bodies;
use self::fsync::Ledger;
use self::measurement::{Case, Measurement};
use self::system::{Backend, System};

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("fsync {:.3} ms", fsync::probe(folder.path())?.as_secs_f64() * 1000.0);
    let ledger = Ledger::open()?;
    let bodies = Bodies::new(fastrand::u64(..));
    let rounds: usize = std::env::args().nth(1).map_or(Ok(3), |a| a.parse())?;
    let seconds: f64 = std::env::args().nth(2).map_or(Ok(4.0), |a| a.parse())?;
    let mut all: BTreeMap<Case, Vec<Measurement>> = BTreeMap::new();
    println!(
        "{:<9} {:>4} {:<16} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7} {:>6} {:>6} {:>7}",
        "", "conn", "", "acked/s", "p50", "p99", "p99.9", "cpu app", "cpu db", "client", "MiB", "fsync", "fsyncs"
    );
    for _ in 0..rounds {
        for connections in [64, 256] {
            for system in [System::Plugin, System::HandWritten, System::ParseOnly] {
                let case = Case { backend: Backend::Sqlite, connections, has_repeats: false, system };
                let m = case.measure(&bodies, &ledger, Duration::from_millis(500), Duration::from_secs_f64(seconds))?;
                println!(
                    "{:<9} {:>4} {:<16} {:>8.0} {:>8.2} {:>8.2} {:>8.2} {:>7.4} {:>7.4} {:>7.4} {:>6.1} {:>6.3} {:>7.1}",
                    case.backend,
                    connections,
                    case.system,
                    m.rate,
                    m.p50,
                    m.p99,
                    m.p999,
                    m.server_cpu,
                    m.database_cpu,
                    m.client_cpu,
                    m.memory,
                    m.fsync,
                    m.fsyncs
                );
                all.entry(case).or_default().push(m);
            }
        }
    }
    Ok(())
}
