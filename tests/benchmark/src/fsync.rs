use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// How often the disk is asked for its time.
const PROBES: usize = 100;

/// How many fsyncs there were in all processes that have `slow_fsync.c` preloaded, and how long they took together.
pub(crate) struct Ledger(File);

/// What the ledger said at some point.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    count: u64,
    nanoseconds: u64,
}

impl Ledger {
    /// Opens the file that `tests/bench` has made.
    pub fn open() -> anyhow::Result<Self> {
        let path = std::env::var_os("SLOW_FSYNC_LEDGER").context("SLOW_FSYNC_LEDGER is not set: use tests/bench")?;
        Ok(Self(OpenOptions::new().read(true).write(true).open(path)?))
    }

    /// Makes every fsync from now on longer by so much.
    pub fn set_delay(&self, delay: Duration) -> anyhow::Result<()> {
        Ok(self.0.write_all_at(&u64::try_from(delay.as_nanos())?.to_ne_bytes(), 16)?)
    }

    /// What there has been so far.
    pub fn read(&self) -> anyhow::Result<Entry> {
        let mut number = [0; 8];
        let mut at = |offset| {
            self.0.read_exact_at(&mut number, offset)?;
            anyhow::Ok(u64::from_ne_bytes(number))
        };
        Ok(Entry { count: at(0)?, nanoseconds: at(8)? })
    }
}

impl Entry {
    /// How many there have been since, and how long one took in the mean.
    pub fn since(self, earlier: Self) -> (u64, Duration) {
        let count = self.count - earlier.count;
        let mean = (self.nanoseconds - earlier.nanoseconds).checked_div(count).unwrap_or(0);
        (count, Duration::from_nanos(mean))
    }
}

/// How long an fsync of a small write takes where databases are made: the median.
pub(crate) fn probe() -> anyhow::Result<Duration> {
    let mut file = tempfile::tempfile()?;
    let mut took = Vec::new();
    for _ in 0..PROBES {
        file.write_all(&[0; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took[PROBES / 2])
}
