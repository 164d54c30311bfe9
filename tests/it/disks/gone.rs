use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::{
    Body, Database, Disk, Ledger, PostOutcome, Process, TestDatabase, as_root, drained, rounds, run, settled,
};

/// How long a host is asked again and again, to see how often it complains.
const NAGGING: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_moved_away_refuses_and_takes_when_it_is_back() {
    for _ in 0..rounds(1, 10) {
        let (database, ledger, mut process) = taking(Database::with_effects()).await;
        let (path, away) = (database.path(), database.folder().join("away.db"));

        std::fs::rename(&path, &away).unwrap();
        refuses(&mut process, &ledger, "was deleted or moved away").await;
        assert!(!path.exists(), "an empty database was made");
        std::fs::rename(&away, &path).unwrap();
        takes(&mut process, &ledger).await;

        settled(&database, &ledger, &["effects"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_deleted_can_be_saved_from_the_process_that_refuses() {
    for _ in 0..rounds(1, 10) {
        let (database, ledger, mut process) = taking(Database::with_effects()).await;
        let path = database.path();

        for suffix in ["", "-wal", "-shm"] {
            std::fs::remove_file(beside(&path, suffix)).unwrap();
        }
        refuses(&mut process, &ledger, "was deleted or moved away").await;
        assert!(!path.exists(), "an empty database was made");
        let saved = open_file(&process, &format!("{} (deleted)", path.display()));
        std::fs::copy(saved, database.folder().join("saved.db")).unwrap();
        std::fs::rename(database.folder().join("saved.db"), &path).unwrap();
        refuses(&mut process, &ledger, "was replaced while it was open").await;
        process.kill();
        let mut next = Process::builder(&database).start().await;
        takes(&mut next, &ledger).await;

        settled(&database, &ledger, &["effects"]).await;
    }
}

// Shows F16.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_deleted_refuses_and_loses_nothing() {
    for suffix in ["-wal", "-shm"] {
        let (database, ledger, mut process) = taking(Database::with_effects()).await;

        std::fs::remove_file(beside(&database.path(), suffix)).unwrap();
        refuses(&mut process, &ledger, "`-wal` or `-shm` was deleted").await;
        // Even without a proper end.
        process.kill();
        let mut next = Process::builder(&database).start().await;
        takes(&mut next, &ledger).await;

        settled(&database, &ledger, &["effects"]).await;
    }
}

// Shows F16, M10.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_replaced_is_left_alone_until_a_restart() {
    let (database, _, mut process) = taking(Database::with_effects()).await;
    let backup = database.folder().join("backup.db");
    database.run(&format!("VACUUM INTO '{}'", backup.display()));
    let (before, refused, ledger) = (database.deliveries().len(), Ledger::default(), Ledger::default());

    std::fs::rename(&backup, database.path()).unwrap();
    refuses(&mut process, &refused, "was replaced while it was open").await;
    let (status, _) = process.stop().await;
    let after = database.deliveries().len();
    let mut next = Process::builder(&database).start().await;
    takes(&mut next, &ledger).await;
    drained(&database).await;

    assert!(status.success(), "{status}");
    assert_eq!(after, before, "nothing was written to the file that nobody had started on");
    assert_eq!(database.texts("SELECT integrity_check AS value FROM pragma_integrity_check"), ["ok"]);
    let taken = ledger.sent()[0].acknowledged().unwrap();
    assert!(database.effects().iter().any(|effect| effect.delivery_id == taken));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_replaced_and_is_back_is_taken_for_what_it_is() {
    let (database, ledger, mut process) = taking(Database::with_effects()).await;
    let (path, away, other) = (database.path(), database.folder().join("away.db"), database.folder().join("other.db"));
    database.run(&format!("VACUUM INTO '{}'", other.display()));

    std::fs::rename(&path, &away).unwrap();
    std::fs::rename(&other, &path).unwrap();
    refuses(&mut process, &ledger, "was replaced while it was open").await;
    std::fs::rename(&away, &path).unwrap();
    takes(&mut process, &ledger).await;

    settled(&database, &ledger, &["effects"]).await;
}

// Shows F16.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_can_only_be_read_refuses_and_keeps_everything() {
    for _ in 0..rounds(1, 10) {
        let (database, ledger, mut process) = taking(Database::on(Disk::ext4(64)).and_effects()).await;

        database.disk().abort();
        refuses(&mut process, &ledger, "disk I/O error").await;
        process.kill();
        database.disk().restore_power().await;
        let mut next = Process::builder(&database).start().await;
        takes(&mut next, &ledger).await;

        settled(&database, &ledger, &["effects"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_may_not_be_written_to_refuses_and_takes_when_it_may() {
    for _ in 0..rounds(1, 10) {
        let (database, ledger, mut process) = taking(Database::on(Disk::ext4(64)).and_effects()).await;
        let files = ["", "-wal"].map(|suffix| beside(&database.path(), suffix));

        run(as_root("chattr").arg("+i").args(&files));
        refuses(&mut process, &ledger, "disk I/O error").await;
        run(as_root("chattr").arg("-i").args(&files));
        takes(&mut process, &ledger).await;

        settled(&database, &ledger, &["effects"]).await;
    }
}

/// A host that has acknowledged and handled a few deliveries.
async fn taking(database: Database) -> (Arc<Database>, Ledger, Process) {
    let (database, ledger) = (Arc::new(database), Ledger::default());
    let mut process = Process::builder(&database).start().await;
    for _ in 0..5 {
        takes(&mut process, &ledger).await;
    }
    drained(&database).await;
    (database, ledger, process)
}

/// Posts something new until it is acknowledged.
async fn takes(process: &mut Process, ledger: &Ledger) {
    let entry = new(ledger);
    let began = Instant::now();
    while !process.deliver(ledger, entry).await.is_acknowledged() {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", ledger.sent()[entry].posts);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Checks that a host refuses again and again, says so where a monitor asks, and complains once in a while.
async fn refuses(process: &mut Process, ledger: &Ledger, complaint: &str) {
    let began = Instant::now();
    let mut refused = 0;
    while began.elapsed() < NAGGING {
        assert_eq!(process.deliver(ledger, new(ledger)).await, PostOutcome::Refused(503));
        refused += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!process.is_well().await);
    assert!(!process.has_ended());
    let log = process.log();
    assert!(!log.contains("panicked"), "{log}");
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains(" fault=")).collect();
    assert!(refused > 10, "refused {refused} times");
    assert!(complaints.iter().any(|line| line.contains(complaint)), "{log}");
    assert!(complaints.len() <= 3, "one for each fault: {complaints:#?}");
}

fn new(ledger: &Ledger) -> usize {
    let mark = ledger.sent().len();
    let body = Body::result(&format!("r-{mark}")).with("candidate_external_id", format!("mark-{mark}"));
    ledger.enter("interview_result", body.bytes())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// The file that a process has open under a name, by way of which it can be read.
fn open_file(process: &Process, name: &str) -> PathBuf {
    let folder = PathBuf::from(format!("/proc/{}/fd", process.id()));
    let list = run(Command::new("ls").arg(&folder));
    let list = String::from_utf8(list.stdout).unwrap();
    let files = list.lines().map(|number| folder.join(number));
    let mut named = files.filter(|file| std::fs::read_link(file).is_ok_and(|target| target == Path::new(name)));
    named.next().unwrap_or_else(|| panic!("{name} is open"))
}
