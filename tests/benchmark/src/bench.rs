use std::time::Duration;

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

    /// What every figure depends on.
    pub fn conditions(&self) -> String {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        format!(
            "{cores} cores for server, database and client; an fsync takes {:.2} ms (the disk alone: {:.2} ms)",
            milliseconds(self.fsync),
            milliseconds(self.own_fsync),
        )
    }
}
