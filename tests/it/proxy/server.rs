use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::checkout::Checkout;

/// A proxy that there is a sample configuration for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
}

/// A running proxy. It is stopped when it is dropped.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Proxy {
    /// Starts a proxy with its sample configuration before `host`, and waits until it listens.
    pub(super) async fn start(kind: Kind, host: SocketAddr) -> Self {
        // The port is free when it is chosen. Somebody else may be quicker, then another one is.
        for _ in 0..5 {
            if let Some(proxy) = Self::try_start(kind, host).await {
                return proxy;
            }
        }
        panic!("{kind:?} did not start five times");
    }

    async fn try_start(kind: Kind, host: SocketAddr) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = folder.path().join("configuration");
        fs::write(&configuration, kind.configuration(&folder, address, host)).unwrap();
        let log = File::create(folder.path().join("output.log")).unwrap();
        let mut command = kind.command();
        command
            .args(kind.arguments())
            .arg(&configuration)
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{kind:?} must be installed: {error}"));
        let mut proxy = Self { address, child, folder };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "{kind:?} does not listen: {}", proxy.log());
            if proxy.child.try_wait().unwrap().is_some() {
                assert!(proxy.log().contains("in use"), "{kind:?} ended: {}", proxy.log());
                return None;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(proxy)
    }

    /// Everything that it has written about what it does.
    pub(super) fn log(&self) -> String {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx has processes of its own to stop; killed, it would leave them behind.
        let pid = Pid::from_child(&self.child);
        let _ = kill_process(pid, Signal::TERM);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > Duration::from_secs(10) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Kind {
    fn command(self) -> Command {
        let mut command = match self {
            Self::Nginx => Command::new("nginx"),
            Self::Caddy => Command::new("caddy"),
        };
        // Where Debian has it, whoever runs the tests.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().env("PATH", format!("{path}:/usr/sbin"));
        command
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["-e", "stderr", "-g", "daemon off;", "-c"],
            Self::Caddy => &["run", "--adapter", "caddyfile", "--config"],
        }
    }

    /// The sample, as somebody would adapt it: other addresses and folders, and no certificate. Nothing else is changed.
    fn configuration(self, folder: &TempDir, address: SocketAddr, host: SocketAddr) -> String {
        let (folder, host) = (folder.path().to_str().unwrap(), host.to_string());
        match self {
            Self::Nginx => {
                let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let folders: String = kinds.map(|kind| format!("{kind}_temp_path {folder}/{kind};\n")).concat();
                let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
                Sample::read("nginx.conf")
                    .set("user www-data;", user)
                    .set("http {", &format!("http {{\n{folders}"))
                    .set("/run/nginx.pid", &format!("{folder}/nginx.pid"))
                    .set("/var/log/nginx/error.log", &format!("{folder}/error.log"))
                    .set("/var/log/nginx/access.log", &format!("{folder}/access.log"))
                    .set("listen 443 ssl;", &format!("listen {address};"))
                    .set("ssl_certificate /etc/ssl/hooks.example.com/fullchain.pem;", "")
                    .set("ssl_certificate_key /etc/ssl/hooks.example.com/privkey.pem;", "")
                    .set("127.0.0.1:8000", &host)
                    .0
            }
            Self::Caddy => {
                Sample::read("Caddyfile")
                    .set("admin off", "admin off\n\tdefault_bind 127.0.0.1")
                    .set("hooks.example.com {", &format!("http://localhost:{} {{", address.port()))
                    .set(":443 {", &format!("http://:{} {{", address.port()))
                    .set("127.0.0.1:8000", &host)
                    .0
            }
        }
    }
}

/// A sample configuration that is being adapted.
struct Sample(String);

impl Sample {
    fn read(name: &str) -> Self {
        Self(Checkout::read(&format!(".github/proxy/{name}")))
    }

    /// Puts something else in the place of what stands there once.
    fn set(self, what: &str, other: &str) -> Self {
        assert_eq!(self.0.matches(what).count(), 1, "`{what}` stands in the sample once");
        Self(self.0.replace(what, other))
    }
}
