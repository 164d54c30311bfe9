use std::sync::Arc;

use crate::harness::{BindMount, Database, Disk, Process, ProcessBuilder, TestDatabase, as_root, patched_host, run};

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

// Shows F12.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_syncs_too_little_stops_the_launch() {
    let database = Arc::new(Database::new());
    let program = patched_host(database.folder(), "PRAGMA synchronous = FULL;", "PRAGMA synchronous = 1;");

    stops(&Process::builder(&database).program(&program), "SQLite `synchronous = 1`").await;
}

// Shows F12.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_none_stops_the_launch() {
    let database = Arc::new(Database::new());
    let program = patched_host(database.folder(), "PRAGMA journal_mode = WAL;", "PRAGMA journal_mode = OFF;");

    stops(&Process::builder(&database).program(&program), "SQLite journal mode `off`").await;
}

// Shows M18.
/// A container that is made anew has the file, and none of what stood in its log.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_mounted_without_its_folder_stops_the_launch() {
    let database = Arc::new(Database::with_effects());
    let place = database.folder().join("a folder").join("hiring.db");
    std::fs::create_dir(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "").unwrap();
    let host = |url: &str| Process::builder(&database).url(url);

    let mounted = BindMount::new(&database.path(), &place);
    stops(&host(place.to_str().unwrap()), "that is mounted by itself").await;
    let link = database.folder().join("link.db");
    std::os::unix::fs::symlink(&place, &link).unwrap();
    stops(&host(link.to_str().unwrap()), "that is mounted by itself").await;
    drop(mounted);

    // Mounted with its folder, from the same file system, it is as good as any.
    let folder = BindMount::new(database.path().parent().unwrap(), place.parent().unwrap());
    let mut process = host(place.parent().unwrap().join("test.db").to_str().unwrap()).start().await;
    assert!(process.is_well().await);
    process.stop().await;
    drop(folder);
}

// Shows M19.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_two_names_stops_the_launch() {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database);
    let second = database.folder().join("second.db");
    std::fs::hard_link(database.path(), &second).unwrap();

    stops(&host, "has a second name").await;

    std::fs::remove_file(second).unwrap();
    let mut process = host.start().await;
    assert!(process.is_well().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_has_for_itself_stops_the_launch() {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database);
    let mut owner = database.connect();
    let claim = "PRAGMA locking_mode = EXCLUSIVE; INSERT INTO effects (id) VALUES (1)";
    diesel::connection::SimpleConnection::batch_execute(&mut owner, claim).unwrap();

    stops(&host, "is locked by another process").await;
    stops(&host.setting("migrate", false), "is locked by another process").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_writes_to_for_long_stops_a_launch_that_migrates() {
    let database = Arc::new(Database::with_effects());
    let writer = database.lock();

    stops(&Process::builder(&database), "is locked by another process").await;
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_synced_stops_the_launch_by_the_name_of_its_file_system() {
    let database = Arc::new(Database::on(Disk::ext4(16)).and_effects());
    let folder = database.disk().folder();
    let path = ["-f", "-o", "/dev/null", "-P", folder.to_str().unwrap()];
    let inject = ["-e", "trace=fsync", "-e", "inject=fsync:error=EINVAL"];
    let host = Process::builder(&database).traced(path.into_iter().chain(inject));

    stops(&host, "on the file system `ext4`, which cannot sync folders").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_to_stops_the_launch() {
    let database = Arc::new(Database::on(Disk::ext4(16)).and_effects());
    let host = Process::builder(&database).setting("migrate", false);

    run(as_root("chattr").arg("+i").arg(database.disk().folder()));
    stops(&host, "Its folder must be writable too, for `-wal` and `-shm`").await;
    stops(&host.url(database.disk().folder().join("new.db").to_str().unwrap()), "check its path and permissions").await;
    run(as_root("chattr").arg("-i").arg(database.disk().folder()));
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
