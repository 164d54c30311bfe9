use std::path::{Path, PathBuf};

use super::{Process, as_root, run};

/// A control group of one test. Its processes have so much memory; the kernel kills one that wants more. It is gone when it
/// is dropped.
pub(crate) struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    pub(crate) fn with_memory(mebibytes: u64) -> Self {
        let bytes = (mebibytes << 20).to_string();
        // Version 1 has a hierarchy for each resource, version 2 has one for all.
        let first = Path::new("/sys/fs/cgroup/memory");
        let is_first = first.join("memory.limit_in_bytes").exists();
        let root = if is_first { first } else { Path::new("/sys/fs/cgroup") };
        let cgroup = Self { folder: root.join(format!("mojito-{}-{}", std::process::id(), Process::number())) };
        run(as_root("mkdir").arg(&cgroup.folder));
        if is_first {
            cgroup.set("memory.swappiness", "0");
            cgroup.set("memory.limit_in_bytes", &bytes);
        } else {
            cgroup.set("memory.swap.max", "0");
            cgroup.set("memory.max", &bytes);
        }
        cgroup
    }

    /// Puts a process into it.
    pub(crate) fn add(&self, process: &Process) {
        self.set("cgroup.procs", &process.id().to_string());
    }

    fn set(&self, name: &str, value: &str) {
        let write = r#"printf %s "$1" >"$2""#;
        run(as_root("sh").args(["-c", write, "sh", value]).arg(self.folder.join(name)));
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = as_root("rmdir").arg(&self.folder).output();
    }
}
