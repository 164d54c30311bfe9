use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use super::{Database, Process, TestDatabase, as_root, found};

static ATTACHED: AtomicU32 = AtomicU32::new(0);

/// `strace` on a running host. Its effect on system calls lasts until it is detached, or dropped.
pub(crate) struct Tracer {
    child: Child,
    trace: PathBuf,
}

impl Tracer {
    /// Does something to system calls of a host: `injection` is what `strace` calls it, such as `error=EIO`.
    pub(crate) async fn attach(database: &Database, process: &Process, calls: &str, injection: &str) -> Self {
        let number = ATTACHED.fetch_add(1, Ordering::Relaxed);
        let file = |kind: &str| database.folder().join(format!("strace-{number}.{kind}"));
        let (trace, messages) = (file("trace"), file("messages"));
        let child = as_root("strace")
            .args(["-f", "-p", &process.id().to_string(), "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{injection}"), "-o"])
            .arg(&trace)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&messages).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("strace: {error}"));
        let mut tracer = Self { child, trace };
        found("strace to attach itself", || {
            let said = std::fs::read_to_string(&messages).unwrap();
            assert!(tracer.child.try_wait().unwrap().is_none(), "strace cannot attach itself: {said}");
            said.contains(" attached").then_some(())
        })
        .await;
        tracer
    }

    /// How many system calls it has done something to.
    pub(crate) fn injected(&self) -> usize {
        let trace = std::fs::read_to_string(&self.trace).unwrap_or_default();
        trace.lines().filter(|line| line.ends_with("(INJECTED)") || line.ends_with("(DELAYED)")).count()
    }

    /// Lets the host go on as before. How many system calls it did something to.
    pub(crate) fn detach(mut self) -> usize {
        self.end();
        self.injected()
    }

    fn end(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        let _ = kill_process(id, Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.end();
        }
    }
}
