//! Starts each system on a fresh database, loads it, checks what it stored, and prints what came out. See `tests/bench`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod audit;
mod bench;
mod body;
mod client;
mod database;
mod findings;
mod fsync;
mod latency;
mod measure;
mod options;
mod process;
mod report;
mod server;
mod suite;
mod system;

use anyhow::ensure;

use self::bench::Bench;
use self::findings::Findings;
use self::options::Options;
use self::report::{bars, summary};

fn main() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let bench = Bench::new(options.seed, options.fsync)?;
    println!("seed {}", options.seed);
    println!("{}", bench.conditions()?);
    let findings = suite::run(&bench, &options)?;
    println!("\n{}", summary(&findings));
    if let Some(section) = options.written {
        report::write(section, &bench, &findings)?;
    }
    if options.is_quick && grossly_missed(&findings) > 0 {
        println!("\nOnce more: that may have been noise.\n");
        let missed = grossly_missed(&suite::run(&bench, &options)?);
        ensure!(missed == 0, "{missed} figures are worse than half of their bar, twice");
    }
    Ok(())
}

fn grossly_missed(findings: &Findings) -> usize {
    bars(findings).iter().filter(|bar| bar.is_grossly_missed()).count()
}
