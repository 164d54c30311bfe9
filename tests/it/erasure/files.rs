use std::sync::Arc;

use memchr::memmem;
use mojito_schema::Undone;
use rocket_mojito::{Erasure, Person};

use super::{anna, is_in_files};
use crate::harness::{Body, Database, Host, ScriptedAction, next};

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_an_erased_person_is_left_in_the_files() {
    let (host, inbox, mut seen) = Host::scripted(|_, _| ScriptedAction::Nothing).await;
    let database = Arc::clone(&host.database);
    for score in 0..20 {
        let analysis = format!("canary-analysis {} {score}", "long ".repeat(500));
        let body =
            Body::result("r").with("candidate_name", "canary-name").with("ai_analysis", analysis).with("score", score);
        host.post("interview_result", &body.bytes()).await;
        next(&mut seen).await;
    }
    host.drained().await;
    let before = is_in_files(&database, "canary-name");

    inbox.erase(Person::ResultId("r".into()), anna()).await.unwrap();
    host.post("interview_result", &Body::result("r").with("candidate_name", "canary-name").bytes()).await;
    host.stop().await;

    assert!(before, "the test would see nothing either way");
    assert!(!is_in_files(&database, "canary"));
}

/// Posts so many candidates whose names and texts are their own, in bodies of all lengths.
async fn post_candidates(host: &Host, count: usize) {
    for candidate in 0..count {
        let body = Body::result(&format!("r-{candidate}"))
            .with("candidate_name", format!("canary-name-{candidate}-"))
            .with("candidate_external_id", format!("ats-{candidate}"))
            .with("ai_analysis", format!("canary-text-{candidate}- ").repeat(1 + candidate * 7 % 90));
        assert_eq!(host.post("interview_result", &body.bytes()).await.status, 200);
    }
}

// Shows M31.
#[tokio::test(flavor = "multi_thread")]
async fn none_of_three_hundred_erased_names_is_left_in_the_files() {
    const CANDIDATES: usize = 300;
    let host = Host::builder().start().await;
    // Where a state outgrows its page, SQLite moves its neighbours, and leaves copies of them where they were.
    for version in 1..=3 {
        for candidate in 0..CANDIDATES {
            let text = format!("canary-text-{candidate}- ").repeat(1 + candidate * 7 * version % 60);
            let body = Body::result(&format!("r-{candidate}"))
                .with("candidate_name", format!("canary-name-{candidate}-"))
                .with("candidate_external_id", "shared")
                .with("score", version)
                .with("ai_analysis", text);
            assert_eq!(host.post("interview_result", &body.bytes()).await.status, 200);
        }
    }

    let erasure = Erasure::new(Person::ExternalId("shared".into())).confirm(CANDIDATES as u64);
    let erased = host.inbox.erase(erasure, anna()).await.unwrap();
    let files = super::files(&host.database);

    let is_left = |name: &String| files.iter().any(|file| memmem::find(file, name.as_bytes()).is_some());
    let names = (0..CANDIDATES).flat_map(|n| [format!("canary-name-{n}-"), format!("canary-text-{n}-")]);
    assert_eq!((erased.results, erased.bodies, erased.undone), (300, 900, vec![]));
    assert_eq!(names.filter(is_left).collect::<Vec<_>>(), Vec::<String>::new());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_way_stands_in_the_receipt_until_the_erasure_is_asked_for_again() {
    let (host, inbox, _seen) = Host::scripted(|_, _| ScriptedAction::Nothing).await;
    post_candidates(&host, 1).await;
    host.drained().await;
    let reader = host.database.read();

    let first = inbox.erase(Person::ResultId("r-0".into()), anna()).await.unwrap();
    let is_left = is_in_files(&host.database, "canary-name");
    drop(reader);
    let again = inbox.erase(Person::ResultId("r-0".into()), anna()).await.unwrap();

    assert_eq!((first.results, first.undone, is_left), (1, vec![Undone::Reader], true));
    assert_eq!((again.results, again.undone), (0, vec![]));
    assert!(!is_in_files(&host.database, "canary-name"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_rows_would_get_other_ids_is_not_rewritten_and_the_receipt_says_so() {
    let database = Arc::new(Database::new());
    database.run(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE keyless (word TEXT);
         INSERT INTO keyless (rowid, word) VALUES (7, 'a'), (9, 'b');
         CREATE TABLE keyed (id INTEGER PRIMARY KEY, word TEXT);
         CREATE TABLE named (word TEXT PRIMARY KEY);",
    );
    let host = Host::builder().database(&database).start().await;
    post_candidates(&host, 1).await;

    let erased = host.inbox.erase(Person::ResultId("r-0".into()), anna()).await.unwrap();
    let ids = database.texts("SELECT CAST(rowid AS TEXT) AS value FROM keyless ORDER BY rowid");
    database.run("DROP TABLE keyless");
    let again = host.inbox.erase(Person::ResultId("r-0".into()), anna()).await.unwrap();

    assert_eq!((erased.results, erased.undone), (1, vec![Undone::Vacuum]));
    assert_eq!(ids, ["7", "9"]);
    assert_eq!(again.undone, []);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_is_not_rewritten_and_the_receipt_says_so() {
    let database = Arc::new(Database::new());
    database.run(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE large (id INTEGER PRIMARY KEY, bytes BLOB);
         INSERT INTO large (bytes) VALUES (zeroblob(65 * 1024 * 1024));",
    );
    let host = Host::builder().database(&database).start().await;
    post_candidates(&host, 1).await;

    let erased = host.inbox.erase(Person::ResultId("r-0".into()), anna()).await.unwrap();

    assert_eq!((erased.results, erased.undone), (1, vec![Undone::Vacuum]));
    assert!(!is_in_files(&database, "canary"), "what is freed is overwritten all the same");
    host.stop().await;
}
