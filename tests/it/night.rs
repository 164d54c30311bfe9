//! A night of an operator, as the guide tells it: each command of its transcript is run, and its output compared.
//!
//! A line of the transcript that begins with `$` is a command, and one with `#` an accident. The other lines are the
//! output of the command before them. There `…` stands for any text within a line, and alone for any lines. A command
//! with the output `Killed` is killed in its middle.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::actions::on_each_database;
use crate::checkout::Checkout;
use crate::cli::help::words;
use crate::harness::{
    Body, PostOutcome, Process, ProcessBuilder, SECRET, TestDatabase, drained, post_at_once, post_to_endpoint, until,
};

on_each_database!(the_night_of_the_guide_ends_with_each_effect_once);

/// The number of candidates who finish while the handler is broken.
const CANDIDATES: usize = 500;

/// How many rows a replay has changed before it is killed.
const KILLED_AFTER: i64 = 20;

/// The secret of the second endpoint's file.
const BERLIN: &str = "berlin, 0123456789abcdef0123456789";

/// The handler that is broken.
const BROKEN: &str = "effects:broken:no printer on port 9100";

struct Night<'d, D: TestDatabase> {
    database: &'d D,
    host: Process,
    /// The last output of a command.
    printed: String,
}

#[derive(PartialEq)]
enum Step<'t> {
    /// A command, and the lines that it prints.
    Command(&'t str, Vec<&'t str>),
    Accident,
}

/// The first transcript of a text.
fn transcript(text: &str) -> &str {
    text.split_once("```text\n").unwrap().1.split_once("```").unwrap().0
}

fn steps(transcript: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for line in transcript.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Command(command, Vec::new()));
        } else if line.starts_with("# ") {
            steps.push(Step::Accident);
        } else if let Some(Step::Command(_, expected)) = steps.last_mut() {
            expected.push(line);
        }
    }
    for step in &mut steps {
        if let Step::Command(_, expected) = step {
            let printed = expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
            expected.truncate(printed);
        }
    }
    steps
}

/// Whether lines fit their patterns. How far blanks hold words apart is no matter: widths follow the rows of a table.
fn fit(patterns: &[&str], lines: &[&str]) -> bool {
    match (patterns, lines) {
        ([], lines) => lines.iter().all(|line| line.trim().is_empty()),
        (["…", rest @ ..], lines) => (0..=lines.len()).any(|skipped| fit(rest, &lines[skipped..])),
        ([first, rest @ ..], [line, lines @ ..]) => fits(first, line) && fit(rest, lines),
        ([first, rest @ ..], []) => first.trim().is_empty() && fit(rest, &[]),
    }
}

fn fits(pattern: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (pattern, line) = (plain(pattern), plain(line));
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl<'d, D: TestDatabase> Night<'d, D> {
    async fn fall(database: &'d D) -> Self {
        let folder = database.folder();
        fs::write(folder.join("berlin"), BERLIN).unwrap();
        let settings = format!("[default.databases.mojito]\nurl = {:?}\n[default.mojito]\n", database.url());
        fs::write(folder.join("Rocket.toml"), settings).unwrap();
        let host = Self::builder(database, BROKEN).start().await;
        Self { database, host, printed: String::new() }
    }

    fn settings(database: &D) -> String {
        let file = database.folder().join("berlin");
        let secret = |id: &str, source: String| format!("secrets=[{{id={id:?},header=\"X-Mojito-Secret\",{source}}}]");
        let (default, berlin) = (secret("2026", format!("value={SECRET:?}")), secret("b-1", format!("file={file:?}")));
        format!("{{lease=1,max_attempts=1,endpoints={{default={{{default}}},berlin={{{berlin}}}}}}}")
    }

    fn builder(database: &D, handlers: &str) -> ProcessBuilder {
        Process::builder(database).handlers(handlers).variable("ROCKET_MOJITO", Self::settings(database).as_bytes())
    }

    /// Lets an accident of the transcript happen, by its number.
    async fn happens(&mut self, accident: usize) {
        match accident {
            // Candidates finish, a body is cut, and the second endpoint's sender has a secret that was taken back.
            0 => self.candidates_finish().await,
            // The mended handler is deployed.
            1 => {
                self.host.kill();
                self.host = Self::builder(self.database, "effects:plain").start().await;
            }
            // The new secret is in its file, and at the sender.
            2 => {
                let secret = self.printed.trim().to_owned();
                fs::write(self.database.folder().join("berlin"), &secret).unwrap();
                let address = self.host.ready().await.unwrap();
                until("the file is read again", async || {
                    let outcome = berlin_posts(address, &secret).await;
                    if outcome.is_acknowledged() { Ok(()) } else { Err(outcome) }
                })
                .await;
                drained(self.database).await;
            }
            _ => panic!("the transcript tells of an accident more"),
        }
    }

    async fn candidates_finish(&mut self) {
        let address = self.host.ready().await.unwrap();
        let results: Vec<String> = (0..CANDIDATES).map(|number| format!("r-{number}")).collect();
        for some in results.chunks(50) {
            let bodies = some.iter().map(|result| Body::result(result).bytes()).collect();
            assert!(post_at_once(&[address], bodies).await.into_iter().all(PostOutcome::is_acknowledged));
        }
        let cut = self.host.post("interview_result", b"{\"id\": \"r-500\", \"status\": ").await.unwrap();
        assert_eq!(cut.status, 200);
        assert_eq!(berlin_posts(address, "a secret that was taken back").await, PostOutcome::Refused(401));
        drained(self.database).await;
        // A hook that dies with the host is called again half a minute later. A replay leaves alone the row that this
        // locks.
        until("each hook of dead work was called", async || {
            let owed = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_work WHERE hook_due_at IS NOT NULL";
            let owed = self.database.query(owed).await;
            if owed == ["0"] { Ok(()) } else { Err(owed) }
        })
        .await;
    }

    /// The command of a line: of the program that stands alone, or of a host with the mended handler.
    fn command(&self, line: &str) -> Command {
        let words = words(line);
        let (program, arguments) = words.split_first().unwrap();
        let is_host = program == "hiring-desk";
        assert!(is_host || program == "rocket-mojito", "no such program: {line}");
        let program = if is_host { env!("CARGO_BIN_EXE_fault-host") } else { env!("CARGO_BIN_EXE_command-line") };
        let (mut command, folder) = (Command::new(program), self.database.folder());
        command.args(arguments).env_clear().env("USER", "anna").current_dir(folder).stdin(Stdio::null());
        if is_host {
            command
                .env("ROCKET_DATABASES", format!("{{mojito={{url={:?}}}}}", self.database.url()))
                .env("ROCKET_MOJITO", Self::settings(self.database))
                .env("FAULT_HANDLERS", "effects:plain")
                .env("FAULT_JOURNAL", folder.join("rehearsed"))
                .env("FAULT_ADDRESS", folder.join("no-address"));
        }
        command
    }

    /// Runs a command, and compares its output.
    async fn run(&mut self, line: &str, expected: &[&str]) {
        if line.contains("doctor") {
            // A replay is done before its last work is handled.
            drained(self.database).await;
        }
        let mut command = self.command(line);
        if expected.contains(&"Killed") {
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            self.wait_for_rows().await;
            child.kill().unwrap();
            child.wait().unwrap();
            return;
        }
        let output = command.output().unwrap();
        self.printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let lines: Vec<&str> = self.printed.lines().collect();
        assert!(fit(expected, &lines), "$ {line}\n{}\n\nand not\n{}", self.printed, expected.join("\n"));
    }

    async fn wait_for_rows(&self) {
        until("the action has made some steps", async || {
            let query = "SELECT CAST(affected AS TEXT) AS value FROM mojito_audit WHERE state = 'running'";
            let affected = self.database.query(query).await;
            let has_begun = affected.iter().any(|affected| affected.parse::<i64>().unwrap() >= KILLED_AFTER);
            if has_begun { Ok(()) } else { Err(affected) }
        })
        .await;
    }
}

async fn berlin_posts(address: SocketAddr, secret: &str) -> PostOutcome {
    post_to_endpoint(address, "berlin", secret, &Body::result("r-berlin").bytes()).await.into()
}

#[test]
fn the_readme_shows_commands_of_the_night_in_their_order_with_their_output() {
    let (readme, chapter) = (Checkout::read("README.md"), Checkout::read("rocket-mojito/guide/night.md"));
    let of_the_night = readme.split_once("## At night").unwrap().1;
    let mut told = steps(transcript(&chapter)).into_iter();

    let shown = steps(transcript(of_the_night));

    assert!(shown.len() >= 4);
    for step in shown {
        let Step::Command(line, _) = &step else { panic!("no command") };
        assert!(told.any(|told| told == step), "the night has no such output of `{line}` from here on");
    }
}

// Shows O24.
async fn the_night_of_the_guide_ends_with_each_effect_once(database: &impl TestDatabase) {
    let chapter = Checkout::read("rocket-mojito/guide/night.md");
    let mut night = Night::fall(database).await;
    let mut accidents = 0;

    for step in steps(transcript(&chapter)) {
        match step {
            Step::Command(line, expected) => night.run(line, &expected).await,
            Step::Accident => {
                night.happens(accidents).await;
                accidents += 1;
            }
        }
    }

    drained(database).await;
    let effects = "SELECT result_id || ' ' || CAST(count(*) AS TEXT) AS value FROM effects GROUP BY result_id";
    let mut effects = database.query(effects).await;
    let mut expected: Vec<String> = (0..CANDIDATES).map(|number| format!("r-{number} 1")).collect();
    expected.push("r-berlin 1".to_owned());
    effects.sort();
    expected.sort();
    assert_eq!((accidents, effects), (3, expected));
}

#[test]
fn a_pattern_fits_what_it_says() {
    for (pattern, line, is_fit) in [
        ("waiting 3", "waiting      3", true),
        ("waiting …", "waiting 3", true),
        ("… waits, … ends", "one waits, another ends", true),
        ("waiting 3", "waiting 30", false),
        ("… waits", "one waits for long", false),
    ] {
        assert_eq!(fits(pattern, line), is_fit, "{pattern} {line}");
    }
    assert!(fit(&["a", "…", "d"], &["a", "b", "c", "d", ""]));
    assert!(!fit(&["a", "…", "d"], &["a", "b", "c"]) && !fit(&["a"], &["a", "b"]));
}
