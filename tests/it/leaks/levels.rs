use std::collections::HashSet;
use std::sync::Arc;

use super::canary::{CANARY, Told, body, requests, shows};
use crate::harness::{AUTH, BASE, Connection, Database, Log, PATIENCE, Process, eventually, request};

/// The log of a host at a log level of Rocket's, about everything that can become of a delivery.
struct LoggedRun {
    log: String,
    told: Vec<Told>,
}

impl LoggedRun {
    async fn at(level: &'static str) -> Self {
        let database = Arc::new(Database::with_effects());
        let mut process = Process::builder(&database)
            .handlers("effects:plain,refusing:refuse,failing:fail,slow:slow:1500")
            .setting("handler_timeout", 1)
            .setting("max_attempts", 2)
            .setting("body_deadline", 1)
            .log_level(level)
            .start()
            .await;
        let address = process.ready().await.unwrap();
        let mut told = requests();
        for told in &told {
            let mut connection = Connection::open(address).await;
            connection.try_send(&told.bytes).await;
            let answer = connection.answer().await.expect("an answer");
            assert_eq!(answer.status, told.status, "{}", told.line);
            assert!(!shows(&format!("{answer:?}")), "{answer:?}");
        }
        told.push(poison(&mut process).await);
        database
            .run("CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries BEGIN SELECT RAISE(ABORT, 'canary'); END");
        told.push(refused(&mut process).await);
        database.run("DROP TRIGGER refuse");
        eventually("the handlers have failed", || database.work().iter().any(|work| work.last_error.is_some())).await;
        let (status, _) = process.stop().await;
        assert!(status.success() || process.has_skipped_its_shutdown(), "{status}");
        Self { log: without_colours(&process.log()), told }
    }

    /// The lines that show something, without those that Rocket prints by itself.
    fn leaks(&self, is_debug: bool) -> Vec<String> {
        let own: HashSet<String> = self.told.iter().flat_map(|told| rockets(&told.line)).collect();
        let mut is_in_request = false;
        let mut leaks = Vec::new();
        for line in self.log.lines() {
            // At `debug` Rocket prints the whole head of each request.
            is_in_request = is_debug && (line == "\treceived request: Request {" || is_in_request && line != "}");
            if !is_in_request && !own.contains(line) && shows(line) {
                leaks.push(line.to_owned());
            }
        }
        leaks
    }
}

/// Rocket forgets after a while that it was told to use none.
fn without_colours(log: &str) -> String {
    let mut pieces = log.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

/// Rocket's own lines about a request at `normal` and `debug`.
fn rockets(line: &str) -> [String; 2] {
    [format!("{line}:"), format!("   >> No matching routes for {line}.")]
}

/// A delivery that a handler fails over.
async fn poison(process: &mut Process) -> Told {
    let id = format!("poison-{CANARY}");
    send(process, &body("4").with("id", id).bytes(), 200).await
}

async fn refused(process: &mut Process) -> Told {
    send(process, &body("5").bytes(), 503).await
}

async fn send(process: &mut Process, body: &[u8], status: u16) -> Told {
    let target = format!("{BASE}/interview_result?{CANARY}=5");
    let bytes = request("POST", &target, &[AUTH], body);
    let mut connection = Connection::open(process.ready().await.unwrap()).await;
    connection.send(&bytes).await;
    let answer = tokio::time::timeout(PATIENCE, connection.answer()).await.unwrap().unwrap();
    assert_eq!(answer.status, status);
    assert!(!shows(&format!("{answer:?}")), "{answer:?}");
    Told { bytes, status, line: format!("POST {target}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_log_level_off_nothing_is_said() {
    let run = LoggedRun::at("off").await;

    assert_eq!(run.log, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_log_level_critical_rocket_says_which_path_it_does_not_know() {
    let run = LoggedRun::at("critical").await;

    assert_eq!(run.leaks(false), [""; 0]);
    let shown: Vec<&str> = run.log.lines().filter(|line| shows(line)).collect();
    assert_eq!(shown, [format!("   >> No matching routes for POST /{CANARY}.")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_log_level_normal_rocket_says_the_path_and_we_say_codes() {
    let run = LoggedRun::at("normal").await;

    assert_eq!(run.leaks(false), [""; 0]);
    for told in &run.told {
        assert!(run.log.contains(&format!("\n{}:\n", told.line)), "the exception is in use: {}", told.line);
    }
    let refused = run.told.iter().filter(|told| told.status >= 400 && ![404, 405].contains(&told.status)).count();
    assert_eq!(Log::told(run.log.lines(), "a delivery was refused"), refused as u64, "each is said or counted");
    assert!(run.log.contains("a batch was not recorded"), "{}", run.log);
}

// Shows F96.
#[tokio::test(flavor = "multi_thread")]
async fn at_log_level_debug_rocket_says_every_header_and_we_say_ids() {
    let run = LoggedRun::at("debug").await;

    assert_eq!(run.leaks(true), [""; 0]);
    assert!(run.log.contains("\treceived request: Request {"), "the exception is in use");
    assert!(run.log.contains("a delivery was recorded"), "{}", run.log);
}
