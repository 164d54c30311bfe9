use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::database::Database;
use crate::system::System;

/// The secret that the load client sends.
const SECRET: &str = "only-for-measurements-0123456789";

/// A system in a process of its own, on a port that was free. Killed where it is dropped.
pub(crate) struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it, and waits until it listens. `settings` are those of the plugin, as `ROCKET_MOJITO` takes them.
    pub fn start(system: System, database: &Database, settings: &str) -> anyhow::Result<Self> {
        let mut child = command(system, database)?
            .env("ROCKET_PORT", "0")
            .env("ROCKET_MOJITO", settings)
            .env("ROCKET_LIMITS", "{bytes=\"1MiB\"}")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut server = Self { child, address: ([127, 0, 0, 1], 0).into() };
        // The Postgres driver of the handler's own connection prints the server's notices, before and after.
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            // By this program, or by Rocket itself.
            let said = [line.strip_prefix("listening on "), line.split_once("launched from http://").map(|(_, it)| it)];
            said.into_iter().flatten().next().map(|address| address.trim().to_owned())
        });
        server.address = address.with_context(|| format!("{system} did not start"))?.parse()?;
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it one thing, on a connection of its own. The body of the answer.
    ///
    /// # Errors
    ///
    /// When it does not answer 200.
    pub fn ask(&self, request: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        write!(stream, "{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{request} was answered {answer}");
        Ok(answer.rsplit_once("\r\n\r\n").context("an answer without a body")?.1.to_owned())
    }

    /// Ends it as a power cut would: what it has acknowledged must be there all the same.
    pub fn kill(mut self) -> anyhow::Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "the server ended by itself");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(system: System, database: &Database) -> anyhow::Result<Command> {
    if system == System::Example {
        let mut command = Command::new(beside(&format!("example-app-{}", database.backend()))?);
        command
            .env("MOJITO_SECRET", SECRET)
            .env("ROCKET_DATABASES", format!("{{mojito={{url={:?}}}}}", database.url()))
            .env("ROCKET_CLI_COLORS", "false")
            // The address, and errors.
            .env("ROCKET_LOG_LEVEL", "critical");
        return Ok(command);
    }
    let mut command = Command::new(beside("mojito-bench-system")?);
    command.arg(system.name()).arg(database.url()).env("ROCKET_LOG_LEVEL", "off");
    Ok(command)
}

/// A program that `tests/bench` has built beside this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}
