use std::fmt;
use std::ops::Sub;

/// The memory of a process by the kernel's account, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: i64,
    /// The most that ever was.
    pub(crate) peak: i64,
    /// Reserved for data, touched or not.
    pub(crate) reserved: i64,
}

impl Memory {
    /// Of a process that lives.
    pub(crate) fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process of ours");
        let value = |key: &str| -> i64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("no {key}"));
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Self { resident: value("VmRSS:"), peak: value("VmHWM:"), reserved: value("VmData:") }
    }
}

/// How much there is more: the peak since then, over what was resident then.
impl Sub for Memory {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            resident: self.resident - before.resident,
            peak: self.peak - before.resident,
            reserved: self.reserved - before.reserved,
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB resident, {} at most, {} reserved", self.resident, self.peak, self.reserved)
    }
}
