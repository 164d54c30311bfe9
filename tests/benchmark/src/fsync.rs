use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
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
        Ok(Self(OpenOptions::new().read(true).open(path)?))
    }

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

/// How long an fsync of a small write takes in this folder: the median.
pub(crate) fn probe(folder: &Path) -> anyhow::Result<Duration> {
    let path = folder.join("probe");
    let mut file = File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..PROBES {
        file.write_all(&[0; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed());
    }
    std::fs::remove_file(path)?;
    took.sort_unstable();
    Ok(took[PROBES / 2])
}
