use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{DirEntry, File, OpenOptions};
use std::io::{PipeReader, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use super::example::faketime;
use super::{
    Answer, Body, Ledger, Memory, PATIENCE, PostOutcome, SECRET, TestDatabase, eventually, found, try_post, try_send,
};

/// Numbers the processes of this test binary, for the names of their files.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// How many lines of a log are printed where a test fails.
const LAST_LINES: usize = 12;

/// A host in a process of its own. It is killed when it is dropped; what it said is printed where the test fails.
pub(crate) struct Process {
    child: Child,
    /// Where it says at what address it listens, and how that is read.
    address: (PathBuf, fn(&str) -> Option<SocketAddr>),
    log: PathBuf,
    /// Where it writes to, and nobody reads from.
    undrained: Option<PipeReader>,
}

/// A host process that is being put together.
#[derive(Clone)]
pub(crate) struct ProcessBuilder {
    url: String,
    folder: PathBuf,
    journal: PathBuf,
    program: PathBuf,
    tracer: Vec<String>,
    handlers: String,
    settings: BTreeMap<&'static str, String>,
    variables: Vec<(String, OsString)>,
    failpoint: Option<String>,
    pool: Option<u32>,
    log_level: Option<&'static str>,
    grace: u64,
    mercy: u64,
    is_drained: bool,
}

impl Process {
    /// A process with one handler, `effects`, which writes its effect at once.
    pub(crate) fn builder(database: &impl TestDatabase) -> ProcessBuilder {
        ProcessBuilder {
            url: database.url(),
            folder: database.folder().to_owned(),
            journal: database.journal(),
            program: env!("CARGO_BIN_EXE_fault-host").into(),
            tracer: Vec::new(),
            handlers: "effects:plain".to_owned(),
            settings: BTreeMap::from([("lease", "1".to_owned()), ("max_attempts", "100".to_owned())]),
            variables: Vec::new(),
            failpoint: None,
            pool: None,
            log_level: Some("normal"),
            grace: 2,
            mercy: 1,
            is_drained: true,
        }
    }

    /// Starts a program whose output goes to a file, which says at what address it listens: there, or elsewhere.
    pub(super) fn spawn(
        command: &mut Command,
        log: PathBuf,
        address: (PathBuf, fn(&str) -> Option<SocketAddr>),
    ) -> Self {
        let output = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        Self { child: command.spawn().unwrap(), address, log, undrained: None }
    }

    /// Starts a program on Rocket, whose own log says at what address it listens.
    pub(super) fn spawn_rocket(command: &mut Command, log: PathBuf) -> Self {
        let launched =
            |log: &str| log.lines().find_map(|line| line.split_once("launched from http://")?.1.trim().parse().ok());
        Self::spawn(command, log.clone(), (log, launched))
    }

    /// The same with a pipe for its output that nobody reads from.
    fn spawn_undrained(
        command: &mut Command,
        log: PathBuf,
        address: (PathBuf, fn(&str) -> Option<SocketAddr>),
    ) -> Self {
        let (undrained, output) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        Self { child: command.spawn().unwrap(), address, log, undrained: Some(undrained) }
    }

    /// A number that no other process of this test binary has.
    pub(super) fn number() -> u32 {
        STARTED.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn id(&self) -> i64 {
        self.child.id().into()
    }

    /// Waits until it listens, and would hear that it is to stop. None where it ended before.
    pub(crate) async fn ready(&mut self) -> Option<SocketAddr> {
        let (child, (file, read)) = (&mut self.child, &self.address);
        let look = || match std::fs::read_to_string(file).ok().and_then(|text| read(&text)) {
            Some(address) => Some(Some(address)),
            None => child.try_wait().expect("our child").map(|_| None),
        };
        let address = found("a host that listens", look).await;
        // Rocket says where it listens a moment before it listens for signals: until then, one would end it at once.
        eventually("the host can be told to stop", || self.hears(Signal::TERM) || self.has_ended()).await;
        address
    }

    /// Whether it handles a signal itself.
    fn hears(&self, signal: Signal) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        caught & (1 << (signal.as_raw() - 1)) != 0
    }

    /// Posts a body to the default endpoint with its secret. None where no answer came back whole.
    pub(crate) async fn post(&mut self, event: &str, body: &[u8]) -> Option<Answer> {
        try_post(self.ready().await?, event, body).await
    }

    /// Posts an entry of a ledger once, and enters what it came to.
    pub(crate) async fn deliver(&mut self, ledger: &Ledger, entry: usize) -> PostOutcome {
        let sent = &ledger.sent()[entry];
        ledger.begin(entry);
        let outcome = PostOutcome::from(self.post(sent.event, &sent.body).await);
        ledger.end(entry, outcome);
        outcome
    }

    /// Posts a new delivery about a result, which it has to acknowledge.
    pub(crate) async fn acknowledges(&mut self, ledger: &Ledger, result: &str) {
        let entry = ledger.enter("interview_result", Body::result(result).bytes());
        let outcome = self.deliver(ledger, entry).await;
        assert!(outcome.is_acknowledged(), "{outcome:?}");
    }

    /// Whether it says that it takes deliveries.
    pub(crate) async fn is_well(&mut self) -> bool {
        let host = self.ready().await.expect("a host that listens");
        try_send(host, "GET", "/health").await.is_some_and(|answer| answer.status == 200)
    }

    /// Waits until it says that it takes no deliveries.
    pub(crate) async fn falls_ill(&mut self) {
        let began = Instant::now();
        while self.is_well().await {
            assert!(began.elapsed() < PATIENCE, "it says that it takes deliveries, and does not");
        }
    }

    /// Its memory at this moment.
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.child.id())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        // It may have ended by itself; it is not waited for yet, so its id is nobody else's.
        let _ = kill_process(id, signal);
    }

    /// Stops every thread of it, and waits until none is in a system call any more.
    pub(crate) async fn freeze(&self) {
        self.signal(Signal::STOP);
        let threads = format!("/proc/{}/task", self.id());
        let is_stopped = |thread: std::io::Result<DirEntry>| {
            let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap_or_default();
            // After its name, which stands in brackets: `T` where it is stopped, `t` where that is for a tracer.
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't']))
        };
        eventually("every thread is stopped", || std::fs::read_dir(&threads).unwrap().all(is_stopped)).await;
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our child").is_some()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        found("the end of a host", || self.child.try_wait().expect("our child")).await
    }

    /// Asks it to stop and waits until it has. How it ended, and how long it took.
    pub(crate) async fn stop(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal(Signal::TERM);
        let status = self.ended().await;
        (status, began.elapsed())
    }

    /// `kill -9`, and waits until it is dead.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }

    /// Whether Rocket ended it without its shutdown fairings. Version 0.5.2 does so where the signal comes just while
    /// it accepts a connection. Its server ends before it has looked for the signal, and it takes that for the end.
    /// Then it answers with an error, and leases are left to lapse.
    pub(crate) fn has_skipped_its_shutdown(&self) -> bool {
        self.log().contains("Server shutdown nominally")
    }

    /// Fills the pipe that it writes to: from here on whoever writes a byte waits.
    pub(crate) fn fill_its_pipe(&self) {
        let pipe = self.undrained.as_ref().expect("a pipe that nobody reads");
        // A description of its own, so that the host's end still waits.
        let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag");
        let mut pipe = OpenOptions::new().write(true).custom_flags(flags).open(path).unwrap();
        while pipe.write(b"\n").is_ok() {}
    }

    /// Its output so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stdout, reason = "the test runner shows it where the test fails")]
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().rev().take(LAST_LINES).collect();
            println!("--- the end of {}", self.log.display());
            lines.iter().rev().for_each(|line| println!("{line:.200}"));
        }
    }
}

impl ProcessBuilder {
    /// Its handlers, as `tests/fault-host` explains them.
    pub(crate) fn handlers(mut self, handlers: impl Into<String>) -> Self {
        self.handlers = handlers.into();
        self
    }

    /// Its database's URL, where it is not to go there by the straight way.
    pub(crate) fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// A setting below `mojito`.
    pub(crate) fn setting(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.insert(name, value.to_string());
        self
    }

    /// A variable of its environment, over whatever the builder says of it.
    pub(crate) fn variable(mut self, name: &'static str, value: &[u8]) -> Self {
        self.variables.push((name.to_owned(), OsString::from_vec(value.to_vec())));
        self
    }

    /// Reads its clock, but for what is monotonic, through a file that says how wrong that is: `+3600` by an hour.
    pub(crate) fn clock(mut self, file: &Path) -> Self {
        let clock = faketime("+0").into_iter().filter(|(name, _)| name != "FAKETIME");
        self.variables.extend(clock.map(|(name, value)| (name, value.into())));
        self.variables.push(("FAKETIME_TIMESTAMP_FILE".to_owned(), file.into()));
        self.variables.push(("FAKETIME_NO_CACHE".to_owned(), "1".into()));
        self
    }

    /// Another program than `fault-host`.
    pub(crate) fn program(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// Runs it under `strace` with these arguments, which stays in the background.
    pub(crate) fn traced<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.tracer = ["strace", "--daemonize"].into_iter().chain(arguments).map(str::to_owned).collect();
        self
    }

    /// How many connections the pool of its handlers has.
    pub(crate) fn pool(mut self, connections: u32) -> Self {
        self.pool = Some(connections);
        self
    }

    /// How much Rocket says. Without any, as much as it says by itself in the build that it is.
    pub(crate) fn log_level(mut self, level: impl Into<Option<&'static str>>) -> Self {
        self.log_level = level.into();
        self
    }

    /// Leaves what it says in a pipe that nobody reads from.
    pub(crate) fn undrained(mut self) -> Self {
        self.is_drained = false;
        self
    }

    /// Aborts it when it comes to a fail point for the n-th time.
    pub(crate) fn fail_at(mut self, point: &str, times: usize) -> Self {
        self.failpoint = Some(format!("{point}:{times}"));
        self
    }

    /// Lets it panic when it comes to a fail point for the n-th time.
    pub(crate) fn panic_at(mut self, point: &str, times: usize) -> Self {
        self.failpoint = Some(format!("{point}:{times}:panic"));
        self
    }

    /// Keeps the thread that comes to a fail point for the n-th time until a file is there.
    pub(crate) fn stall_at(mut self, point: &str, times: usize, gate: &Path) -> Self {
        self.failpoint = Some(format!("{point}:{times}:{}", gate.display()));
        self
    }

    /// Starts it, without waiting for anything.
    pub(crate) fn spawn(&self) -> Process {
        let number = Process::number();
        let file = |kind: &str| self.folder.join(format!("host-{number}.{kind}"));
        let (address, log) = (file("address"), file("log"));
        let settings: Vec<String> = self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let pool = self.pool.map(|connections| format!(",max_connections={connections}")).unwrap_or_default();
        let secret = format!("{{id=\"test\",header=\"X-Mojito-Secret\",value=\"{SECRET}\"}}");
        let mojito = format!("{{{},endpoints={{default={{secrets=[{secret}]}}}}}}", settings.join(","));
        let mut words = self.tracer.iter().map(Path::new).chain([self.program.as_path()]);
        let mut command = Command::new(words.next().expect("the program at least"));
        command
            .args(words)
            .env_clear()
            .env("ROCKET_ADDRESS", "127.0.0.1")
            .env("ROCKET_PORT", "0")
            .env("ROCKET_WORKERS", "2")
            .env("ROCKET_CLI_COLORS", "false")
            .env("ROCKET_SHUTDOWN", format!("{{grace={},mercy={}}}", self.grace, self.mercy))
            .env("ROCKET_DATABASES", format!("{{mojito={{url={:?}{pool}}}}}", self.url))
            .env("ROCKET_MOJITO", mojito)
            .env("FAULT_HANDLERS", &self.handlers)
            .env("FAULT_ADDRESS", &address)
            .env("FAULT_JOURNAL", &self.journal)
            .envs(self.log_level.map(|level| ("ROCKET_LOG_LEVEL", level)))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(self.failpoint.iter().map(|point| ("MOJITO_FAILPOINT", point)))
            .current_dir(&self.folder);
        let spawn = if self.is_drained { Process::spawn } else { Process::spawn_undrained };
        spawn(&mut command, log, (address, |text| text.parse().ok()))
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(&self) -> Process {
        let mut process = self.spawn();
        assert!(process.ready().await.is_some(), "the host ended before it listened");
        process
    }

    /// The longest that it may take to stop, with something for a busy machine.
    pub(crate) fn longest_stop(&self) -> Duration {
        Duration::from_secs(self.grace + self.mercy + 1) + Duration::from_secs(3)
    }
}
