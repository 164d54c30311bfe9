use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use crate::harness::{Body, Database, Ledger, PostOutcome, Process, TestDatabase, found, settled};

// Shows M19.
/// A backup that links instead of copying (`cp -al`, `rsync --link-dest`).
#[tokio::test(flavor = "multi_thread")]
async fn a_second_name_of_the_file_is_warned_of_and_deliveries_are_taken() {
    let (database, ledger) = (Arc::new(Database::with_effects()), Ledger::default());
    let mut process = Process::builder(&database).start().await;
    process.acknowledges(&ledger, "r-1").await;

    std::fs::hard_link(database.path(), database.folder().join("backup.db")).unwrap();
    found("a warning", || process.log().contains("has a second name").then_some(())).await;

    process.acknowledges(&ledger, "r-2").await;
    assert_eq!(process.log().matches("has a second name").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_comes_to_lead_elsewhere_refuses_until_it_leads_back() {
    let (database, ledger) = (Arc::new(Database::with_effects()), Ledger::default());
    let (link, other) = (database.folder().join("link.db"), database.folder().join("other.db"));
    symlink(database.path(), &link).unwrap();
    let mut process = Process::builder(&database).url(link.to_str().unwrap()).start().await;
    process.acknowledges(&ledger, "r-1").await;
    database.run(&format!("VACUUM INTO '{}'", other.display()));

    lead(&link, &other);
    let entry = ledger.enter("interview_result", Body::result("r-2").bytes());
    let refused = process.deliver(&ledger, entry).await;
    lead(&link, &database.path());
    let taken = process.deliver(&ledger, entry).await;

    assert_eq!(refused, PostOutcome::Refused(503));
    assert!(taken.is_acknowledged(), "{taken:?}");
    settled(&database, &ledger, &["effects"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_and_what_is_beside_it_are_its_owners_alone() {
    let database = Arc::new(Database::new());
    let path = database.folder().join("new.db");
    let host = Process::builder(&database).handlers("external:external").url(path.to_str().unwrap());

    let mut process = host.start().await;
    process.acknowledges(&Ledger::default(), "r-1").await;

    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{file}");
    }
}

/// Lets a link lead elsewhere, in one step.
fn lead(link: &Path, target: &Path) {
    let draft = link.with_extension("draft");
    symlink(target, &draft).unwrap();
    std::fs::rename(draft, link).unwrap();
}
