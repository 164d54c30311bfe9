use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// CPU time of one process so far.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn cpu(id: u32) -> anyhow::Result<Duration> {
    let stat = Stat::read(id)?;
    Ok(ticks(stat.own))
}

/// CPU time so far of a process, of those that it has started, and of those of them that have ended.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn family_cpu(parent: u32) -> anyhow::Result<Duration> {
    let stat = Stat::read(parent)?;
    let children = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| Stat::read(id).ok())
        .filter(|child| child.parent == parent);
    Ok(ticks(stat.own + stat.ended_children + children.map(|child| child.own).sum::<u64>()))
}

/// The resident memory of a process: at most, and now.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn memory(id: u32) -> anyhow::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        anyhow::Ok(Size { kilobytes: line.trim().trim_end_matches(" kB").parse()? })
    };
    Ok(Memory { peak: field("VmHWM:")?, now: field("VmRSS:")? })
}

/// The parent of a process.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn parent(id: u32) -> anyhow::Result<u32> {
    Ok(Stat::read(id)?.parent)
}

/// Resident memory of a process.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub peak: Size,
    pub now: Size,
}

/// An amount of memory.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    kilobytes: u32,
}

impl Size {
    pub fn mebibytes(self) -> f64 {
        f64::from(self.kilobytes) / 1024.0
    }
}

/// What `/proc/ID/stat` says, in clock ticks.
struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    fn read(id: u32) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name of the program stands in brackets, and may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("no name")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).context("a field short");
        let parent = u32::try_from(number(1)?)?;
        Ok(Self { parent, own: number(11)? + number(12)?, ended_children: number(13)? + number(14)? })
    }
}

fn ticks(count: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64(count as f64 / per_second as f64)
}
