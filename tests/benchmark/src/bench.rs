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
    pub fsync: Duration,
}

impl Bench {
    /// Makes an fsync last at least as long as asked for.
    pub fn new(seed: u64, wanted: Duration) -> anyhow::Result<Self> {
        let ledger = Ledger::open()?;
        ledger.set_delay(Duration::ZERO)?;
        let own_fsync = fsync::probe()?;
        ledger.set_delay(wanted.saturating_sub(own_fsync))?;
        Ok(Self { bodies: Bodies::new(seed), ledger, own_fsync, fsync: fsync::probe()? })
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
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(format!(
            "Measured on {}, Linux {}: {} cores ({}) for server, database and client. An fsync takes {:.2} ms, {:.2} ms of \
             them the disk's own. Load average at the end: {}.",
            OffsetDateTime::now_utc().date(),
            kernel.trim(),
            std::thread::available_parallelism()?,
            model.map_or("unknown", |(_, model)| model),
            milliseconds(self.fsync),
            milliseconds(self.own_fsync),
            load.split(' ').next().unwrap_or_default(),
        ))
    }
}
