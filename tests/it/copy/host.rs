use std::collections::BTreeMap;
use std::fs;

use super::columns::assert_same;
use super::{Copied, command_line, ended};
use crate::checkout::Checkout;
use crate::cli::help::words;
use crate::harness::{Body, Database, Effect, PostgresDatabase, Process, ProcessBuilder, TestDatabase, drained, until};

/// The names that the chapter has for the file and for the new database.
const FILE: &str = "hiring.db";
const URL: &str = "postgres://hiring@localhost/hiring";

/// The commands of the chapter.
fn chapter() -> Vec<String> {
    let chapter = Checkout::read("rocket-mojito/guide/to_postgres.md");
    let transcript = chapter.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
    transcript.lines().filter_map(|line| line.strip_prefix("$ rocket-mojito ")).map(str::to_owned).collect()
}

/// A handler that is done at once, and one whose attempt is cut off. The others fail and wait, give up, and are paused by
/// an operator.
fn handlers(is_mended: bool, gate: &str) -> String {
    let broken = if is_mended { "plain" } else { "broken:no printer" };
    format!("effects:plain,gated:gated:{gate},broken:{broken},dying:refuse,paused:plain")
}

fn host(database: &impl TestDatabase, is_mended: bool, gate: &str) -> ProcessBuilder {
    Process::builder(database).handlers(handlers(is_mended, gate))
}

/// The versions that a handler was given of each result, in the order of its effects.
fn versions<'e>(
    effects: impl IntoIterator<Item = &'e (String, String, i64)>,
) -> BTreeMap<(&'e str, &'e str), Vec<i64>> {
    let mut versions = BTreeMap::<_, Vec<i64>>::new();
    for (handler, result, version) in effects {
        versions.entry((handler.as_str(), result.as_str())).or_default().push(*version);
    }
    versions
}

fn effects(effects: Vec<Effect>) -> Vec<(String, String, i64)> {
    let row = |effect: Effect| (effect.handler, effect.result_id, effect.version.unwrap_or_default());
    effects.into_iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_on_postgres_goes_on_where_one_on_sqlite_was_killed() {
    let copied = Copied { file: Database::with_effects(), to: PostgresDatabase::empty().await };
    let gate = copied.file.folder().join("gate");
    let gate = gate.to_str().unwrap();
    let version = |result: &str, score: f64| Body::result(result).with("score", score).bytes();
    let ids = live_on_sqlite(&copied, gate, version).await;

    for command in chapter() {
        let line = command.replace(FILE, &copied.file.url()).replace(URL, &copied.to.url());
        let (code, said) = ended(command_line(copied.file.folder()).args(words(&line)));
        let is_done = code == Some(0) || (command.starts_with("doctor") && code == Some(1));
        assert!(is_done && !said.contains("canary"), "{command}: {said}");
    }
    assert_same(&copied).await;
    fs::write(gate, "").unwrap();
    let mut on_postgres = host(&copied.to, true, gate).start().await;
    copied.to.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;
    let resumed = copied.run(&["resume", "handler", "paused", "--yes", "--database", &copied.to.url()]);
    assert_eq!(resumed.0, Some(0), "{resumed:?}");
    drained(&copied.to).await;

    let repeat = on_postgres.post("interview_result", &version("r-1", 3.0)).await.unwrap();
    let erased = on_postgres.post("interview_result", &version("r-erased", 2.0)).await.unwrap();
    let new = on_postgres.post("interview_result", &version("r-1", 4.0)).await.unwrap();
    drained(&copied.to).await;
    assert!(repeat.delivery() == ids.newest && new.delivery() > ids.last, "{repeat:?} {new:?}");
    assert_eq!((erased.status, copied.to.deliveries().await.len()), (200, usize::try_from(ids.rows + 1).unwrap()));
    assert_each_effect_once(&copied).await;
}

/// Ids of the time before the copy.
struct Ids {
    /// The delivery of the newest version of `r-1`.
    newest: i64,
    /// The last id that was given out.
    last: i64,
    /// The number of deliveries.
    rows: i64,
}

/// The life of a host on the file, up to its death.
async fn live_on_sqlite(copied: &Copied, gate: &str, version: impl Fn(&str, f64) -> Vec<u8>) -> Ids {
    let file = &copied.file;
    // A pause wants a known handler, and a launch reads it before the first request.
    host(file, false, gate).start().await.kill();
    let paused = copied.run(&["pause", "handler", "paused", "--why", "no paper", "--yes", "--database", &file.url()]);
    assert_eq!(paused.0, Some(0), "{paused:?}");
    let mut process = host(file, false, gate).start().await;
    let mut newest = 0;
    for (result, score) in
        [("r-1", 1.0), ("r-2", 1.0), ("poison-1", 1.0), ("r-1", 2.0), ("r-erased", 1.0), ("r-2", 2.0), ("r-1", 3.0)]
    {
        newest = process.post("interview_result", &version(result, score)).await.unwrap().delivery();
    }
    let repeat = process.post("interview_result", &version("r-1", 3.0)).await.unwrap();
    let late = process.post("interview_collected", &Body::collected("r-2").bytes()).await.unwrap();
    let garbled = process.post("interview_result", b"{\"canary\": ").await.unwrap();
    assert_eq!((repeat.delivery(), late.status, garbled.status), (newest, 200, 200));
    let has = |work: &str| format!("SELECT CAST(count(*) AS TEXT) AS value FROM mojito_work WHERE {work}");
    until("every kind of work is there", async || {
        let counts = [
            "handler = 'effects' AND finished_at IS NULL",
            "handler = 'gated' AND state = 'running'",
            "handler = 'broken' AND state = 'retryable'",
            "state = 'discarded'",
        ];
        let counts: Vec<i64> = counts.map(|work| file.texts(&has(work))[0].parse().unwrap()).to_vec();
        let is_there = counts[0] == 0 && counts[1..].iter().all(|count| *count > 0);
        if is_there { Ok(()) } else { Err(counts) }
    })
    .await;
    let in_use = ended(&mut copied.command());
    assert!(in_use.0 == Some(2) && in_use.1.contains("locked by another process"), "{in_use:?}");
    process.kill();
    let erased = copied.run(&["erase", "--result", "r-erased", "--yes", "--database", &file.url()]);
    assert!(erased.1.contains("done: 1 results"), "{erased:?}");
    let number = |query: &str| -> i64 { file.texts(query)[0].parse().unwrap() };
    let last = number("SELECT CAST(seq AS TEXT) AS value FROM sqlite_sequence WHERE name = 'mojito_deliveries'");
    Ids { newest, last, rows: number("SELECT CAST(count(*) AS TEXT) AS value FROM mojito_deliveries") }
}

/// Both databases together have each effect once, and those of a result in the order of its versions.
async fn assert_each_effect_once(copied: &Copied) {
    let (before, after) = (effects(copied.file.effects()), effects(copied.to.effects().await));

    let all: Vec<(String, String, i64)> = before.iter().chain(&after).cloned().collect();
    let versions = versions(&all);
    for handler in ["effects", "gated", "broken", "paused"] {
        assert_eq!(versions[&(handler, "r-1")], [1, 2, 3, 4], "{handler}: {before:?} {after:?}");
        assert_eq!(versions[&(handler, "r-2")], [1, 2], "{handler}: {before:?} {after:?}");
    }
    assert!(after.iter().any(|(handler, ..)| handler == "gated"), "{after:?}");
    let again = |effect: &&(String, String, i64)| effect.0 == "effects" && effect.2 < 4;
    assert_eq!(after.iter().filter(again).collect::<Vec<_>>(), Vec::<&(String, String, i64)>::new());
}
