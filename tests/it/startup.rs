use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::Signal;

use crate::harness::{Body, Database, Ledger, PostOutcome, Process, rounds, seed, settled};

// Shows F04.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_cut_off_is_run_by_the_next_host() {
    for _ in 0..rounds(2, 30) {
        let database = Arc::new(Database::with_effects());
        let host = Process::builder(&database);

        let died = host.clone().fail_at("migration.run", 1).spawn().ended().await;
        let left = tables(&database);
        let mut next = host.start().await;

        assert_eq!(died.signal(), Some(Signal::ABORT.as_raw()));
        assert_eq!(left, ["effects"]);
        assert_all_works(&database, &mut [&mut next]).await;
    }
}

// Shows F04.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_boot_at_once_on_a_new_file_migrate_it_once() {
    for round in 0..rounds(3, 50) {
        let database = Arc::new(Database::with_effects());
        let host = Process::builder(&database);

        // In every other round one of them dies in the middle of it.
        let dying = (round % 2 == 1).then(|| host.clone().fail_at("migration.run", 1).spawn());
        let mut hosts: Vec<Process> = (0..4).map(|_| host.spawn()).collect();
        for host in &mut hosts {
            assert!(host.ready().await.is_some(), "each comes up");
        }

        assert_all_works(&database, &mut hosts.iter_mut().collect::<Vec<_>>()).await;
        drop(dying);
    }
}

// Shows F08.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_stopped_while_it_starts_leaves_nothing_broken() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database);
    for _ in 0..rounds(6, 40) {
        let mut process = host.spawn();
        tokio::time::sleep(Duration::from_millis(random.u64(0..120))).await;

        let (status, _) = process.stop().await;

        // Before Rocket listens for signals the default applies: the signal ends the process.
        let ended = status.success() || status.signal() == Some(Signal::TERM.as_raw());
        assert!(ended, "{status}");
    }
    let mut last = host.start().await;
    assert_all_works(&database, &mut [&mut last]).await;
}

/// Posts to each host, and looks at the tables.
async fn assert_all_works(database: &Arc<Database>, hosts: &mut [&mut Process]) {
    let ledger = Ledger::default();
    for (number, host) in hosts.iter_mut().enumerate() {
        let body = Body::result(&format!("r-{number}")).bytes();
        let entry = ledger.enter("interview_result", body.clone());
        ledger.begin(entry);
        ledger.end(entry, PostOutcome::from(host.post("interview_result", &body).await));
    }
    settled(database, &ledger, &["effects"]).await;
    assert_eq!(ledger.unacknowledged().len(), 0);
    let expected = [
        "effects",
        "mojito_attempts",
        "mojito_audit",
        "mojito_clock_readings",
        "mojito_deliveries",
        "mojito_handlers",
        "mojito_migrations",
        "mojito_pauses",
        "mojito_results",
        "mojito_seen",
        "mojito_work",
    ];
    assert_eq!(tables(database), expected);
    assert_eq!(database.texts("SELECT name AS value FROM mojito_migrations ORDER BY name"), migrations());
}

fn tables(database: &Database) -> Vec<String> {
    let query =
        "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    database.texts(query)
}

/// Every migration that there is, in order.
fn migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../diesel-schema/migrations/sqlite");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
