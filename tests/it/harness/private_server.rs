use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Disk, PATIENCE, eventually};

/// A Postgres server of one test, to be killed, frozen and restarted. It is gone with its data when it is dropped.
///
/// Its data folder is a copy of the one that `tests/postgres` made, and it runs as whoever owns that.
pub(crate) struct PrivateServer {
    folder: TempDir,
    /// The disk that its data lies on, if it has one of its own.
    disk: Option<Disk>,
    address: SocketAddr,
    owner: (u32, u32),
    fsync: &'static str,
    postmaster: Option<Child>,
}

impl PrivateServer {
    pub(crate) async fn start() -> Self {
        Self::start_with("on", None).await
    }

    /// The same with another setting of what it is to wait for.
    pub(crate) async fn start_with_fsync(fsync: &'static str) -> Self {
        Self::start_with(fsync, None).await
    }

    /// The same with its data on a disk whose power can be cut.
    pub(crate) async fn start_on(disk: Disk) -> Self {
        Self::start_with("on", Some(disk)).await
    }

    async fn start_with(fsync: &'static str, disk: Option<Disk>) -> Self {
        let template = told("MOJITO_TEST_POSTGRES_TEMPLATE");
        let folder = tempfile::tempdir().unwrap();
        let owner = fs::metadata(&template).map(|found| (found.uid(), found.gid())).unwrap();
        chown(folder.path(), Some(owner.0), Some(owner.1)).unwrap();
        let mut server = Self { folder, disk, address: free_address(), owner, fsync, postmaster: None };
        let copied = Command::new("cp").arg("-a").arg(&template).arg(server.data()).status().unwrap();
        assert!(copied.success(), "the data folder of the server cannot be copied");
        if let Some(disk) = &server.disk {
            disk.hand_over_to(owner);
        }
        server.boot().await;
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it as a crash would, without a checkpoint and without a word to its clients, and starts it again.
    pub(crate) async fn restart_immediately(&mut self) {
        self.send(Signal::QUIT);
        self.buried();
        self.boot().await;
    }

    /// Stops it, and starts it as the standby of nobody: it takes no writes until it is promoted.
    pub(crate) async fn restart_as_standby(&mut self) {
        self.send(Signal::INT);
        self.buried();
        let signal = self.data().join("standby.signal");
        fs::write(&signal, "").unwrap();
        chown(&signal, Some(self.owner.0), Some(self.owner.1)).unwrap();
        self.boot().await;
    }

    /// `kill -9` of all of its processes.
    pub(crate) fn kill(&mut self) {
        // The first first: it could replace the others.
        let others = self.children();
        self.send(Signal::KILL);
        others.into_iter().for_each(|id| signal(id, Signal::KILL));
        self.buried();
    }

    /// Cuts its power and brings it back: what it has not synced is lost. It is started again.
    pub(crate) async fn lose_power(&mut self) {
        self.freeze();
        // None may be in a system call, as with a host.
        let processes = self.postmaster.iter().map(Child::id).chain(self.children());
        for id in processes.collect::<Vec<_>>() {
            let is_stopped = || {
                // A backend may have been forked while the others were told.
                signal(id, Signal::STOP);
                state(id).is_none_or(|state| "TZ".contains(state))
            };
            eventually("the server is stopped", is_stopped).await;
        }
        let disk = self.disk.take().expect("a server on a disk of its own");
        disk.lose_unsynced();
        self.kill();
        disk.restore_power().await;
        self.disk = Some(disk);
        self.boot().await;
    }

    /// Starts it after it was killed, and waits until it answers.
    pub(crate) async fn boot(&mut self) {
        let data = self.data();
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(told("MOJITO_TEST_POSTGRES_PROGRAMS").join("postgres"));
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &self.address.port().to_string(), "-k", &self.folder.path().display().to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=120"])
            .args(["-c", &format!("fsync={}", self.fsync)])
            .args(["-c", "shared_buffers=32MB"])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        // Nobody else may change to another user.
        if rustix::process::geteuid().is_root() {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        self.postmaster = Some(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while !self.answers().await {
            let ended = self.postmaster.as_mut().and_then(|postmaster| postmaster.try_wait().expect("our child"));
            assert_eq!(ended, None, "the server has ended:\n{}", self.log());
            assert!(Instant::now() < deadline, "the server does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets only those in whom these lines of its `pg_hba.conf` let in: from now on, or a moment later.
    pub(crate) fn admit(&self, lines: &str) {
        fs::write(self.data().join("pg_hba.conf"), lines).unwrap();
        self.send(Signal::HUP);
    }

    /// Stops every process of it, where it is.
    pub(crate) fn freeze(&self) {
        self.send(Signal::STOP);
        self.children().into_iter().for_each(|id| signal(id, Signal::STOP));
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.children().into_iter().for_each(|id| signal(id, Signal::CONT));
        self.send(Signal::CONT);
    }

    /// The URL of a database on it, at its own address or at another that leads there.
    pub(crate) fn url(&self, at: SocketAddr, database: &str) -> String {
        format!("postgres://mojito@{at}/{database}?sslmode=disable")
    }

    /// Whether a server answers at its address, and is this one: another test's could have been faster there.
    async fn answers(&self) -> bool {
        // The driver's own URL: it does not know every word of ours, but this one it does.
        let connection = AsyncPgConnection::establish(&self.url(self.address, "postgres")).await;
        let Ok(mut connection) = connection else { return false };
        let asked = diesel::dsl::sql::<Text>("SELECT current_setting('data_directory')");
        let answer = asked.get_result::<String>(&mut connection).await;
        answer.is_ok_and(|folder| Path::new(&folder) == self.data())
    }

    /// Its data folder.
    fn data(&self) -> PathBuf {
        self.disk.as_ref().map_or(self.folder.path().join("data"), |disk| disk.folder().join("data"))
    }

    /// The text of its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn send(&self, what: Signal) {
        if let Some(postmaster) = &self.postmaster {
            signal(postmaster.id(), what);
        }
    }

    /// The server's processes but for the first.
    fn children(&self) -> Vec<u32> {
        let Some(postmaster) = &self.postmaster else { return Vec::new() };
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        processes.filter(|id| parent(*id) == Some(postmaster.id())).collect()
    }

    /// Waits until the first process has ended, and with it what it had.
    fn buried(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        postmaster.wait().expect("our child");
        // A process that is left over would keep the next server from starting: it ends by itself when it sees that it
        // is alone.
        let data = self.data();
        let deadline = Instant::now() + PATIENCE;
        while works_in(&data) {
            assert!(Instant::now() < deadline, "the server's processes do not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A path that `tests/postgres` tells.
fn told(variable: &str) -> PathBuf {
    let told = std::env::var_os(variable);
    told.unwrap_or_else(|| panic!("{variable} is not set: run the tests with `tests/run`, or by `tests/postgres`"))
        .into()
}

/// An address that is free at this moment, below those that the system gives away by itself.
fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(10_000..20_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

fn signal(id: u32, what: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = kill_process(id, what);
    }
}

/// `T` for one that is stopped, `Z` for one that has ended.
fn state(id: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

/// Whether any process has this folder as its own.
fn works_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok()).any(|cwd| cwd == folder)
}
