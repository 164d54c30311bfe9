use std::fs;
use std::time::Duration;

use time::OffsetDateTime;

use crate::body::Bodies;
use crate::fsync::{self, Ledger};

/// What all measurements share.
pub(crate) struct Bench {
    pub bodies: Bodies,
    pub ledger: Ledger,
    /// An fsync of this machine's disk, and with what was added to it.
    pub own_fsync: Duration,
    /// How busy the machine was before.
    load_average: String,
    pub fsync: Duration,
}

impl Bench {
    /// Makes an fsync last at least as long as asked for.
    pub fn new(seed: u64, wanted: Duration) -> anyhow::Result<Self> {
        let load_average = fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned();
        let ledger = Ledger::open()?;
        ledger.set_delay(Duration::ZERO)?;
        let own_fsync = fsync::probe()?;
        ledger.set_delay(wanted.saturating_sub(own_fsync))?;
        Ok(Self { bodies: Bodies::new(seed), ledger, own_fsync, fsync: fsync::probe()?, load_average })
    }

    /// What every figure depends on, in a paragraph.
    ///
    /// # Errors
    ///
    /// When the machine does not tell.
    pub fn conditions(&self) -> anyhow::Result<String> {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(format!(
            "Measured on {}, Linux {}: {} cores ({}) for server, database and client, with a load average of {}\n\
             before anything ran. An fsync takes {:.2} ms, {:.2} ms of them the disk's own.",
            OffsetDateTime::now_utc().date(),
            kernel.trim(),
            std::thread::available_parallelism()?,
            model.map_or("unknown", |(_, model)| model),
            self.load_average,
            milliseconds(self.fsync),
            milliseconds(self.own_fsync),
        ))
    }
}
