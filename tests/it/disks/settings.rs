use std::sync::Arc;

use crate::harness::{Database, Disk, Ground, Process, ProcessBuilder, weakened};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_only_be_read_stops_the_launch() {
    let database = Arc::new(Database::on(Disk::ext4(16)).and_effects());
    let host = Process::builder(&database);
    let (status, _) = host.start().await.stop().await;
    assert!(status.success(), "{status}");

    database.disk().protect().await;

    // A launch that migrates would write; this one only checks.
    stops(&host.setting("migrate", false), "is it a database, and writable?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_stops_the_launch() {
    let database = Arc::new(Database::on(Disk::tmpfs(16)).and_effects());
    let host = Process::builder(&database);
    host.start().await.kill();

    database.disk().fill();

    stops(&host, "`databases.mojito.url`").await;
    database.disk().free();
    let mut process = host.start().await;
    assert!(process.is_well().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_syncs_too_little_stops_the_launch() {
    let database = Arc::new(Database::new());
    let program = weakened(database.folder(), "PRAGMA synchronous = FULL;", "PRAGMA synchronous = 1;");

    stops(&Process::builder(&database).program(&program), "SQLite `synchronous = 1`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_none_stops_the_launch() {
    let database = Arc::new(Database::new());
    let program = weakened(database.folder(), "PRAGMA journal_mode = WAL;", "PRAGMA journal_mode = OFF;");

    stops(&Process::builder(&database).program(&program), "SQLite journal mode `off`").await;
}

/// Checks that a host does not start, and says why.
async fn stops(host: &ProcessBuilder, sentence: &str) {
    let mut process = host.spawn();
    let status = process.ended().await;

    assert!(!status.success(), "{status}");
    let log = process.log();
    assert!(log.contains(sentence), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
