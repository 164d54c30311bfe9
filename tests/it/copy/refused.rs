use super::{Copied, ended};
use crate::harness::{Database, PostgresDatabase, TestDatabase};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_has_open_is_refused_and_nothing_is_copied() {
    let copied = Copied::seeded().await;
    // At rest: it is in no transaction.
    let mut other = copied.file.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut other, "SELECT count(*) FROM mojito_work").unwrap();

    let (code, said) = ended(&mut copied.command());

    assert!(code == Some(2) && said.contains("`from`: the SQLite file is locked by another process"), "{said}");
    assert!(copied.counts().await.iter().all(|rows| *rows == 0));
    drop(other);
    assert_eq!(ended(&mut copied.command()).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_empty_is_refused_and_stays_as_it_is() {
    let copied = Copied::seeded().await;
    copied.to.run("INSERT INTO mojito_clock_readings VALUES (1, now(), 0)").await;

    let (code, said) = ended(&mut copied.command());

    assert!(code == Some(2) && said.contains("`to`: the database is not empty: `mojito_clock_readings`"), "{said}");
    assert_eq!(copied.counts().await.iter().sum::<i64>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_version_are_refused_on_either_side() {
    let copied = Copied { file: Database::new(), to: PostgresDatabase::empty().await };
    let said = |copied: &Copied| ended(&mut copied.command()).1;
    let migrate = |url: String| assert_eq!(copied.run(&["migrate", "--database", &url]).0, Some(0));

    migrate(copied.file.url());
    let unmigrated = said(&copied);
    migrate(copied.to.url());
    copied.file.run("INSERT INTO mojito_migrations (name) VALUES ('9999_to_come')");
    let newer = said(&copied);

    assert!(unmigrated.contains("`to`: the migrations `0001_create_tables`"), "{unmigrated}");
    assert!(newer.contains("`from`: the migration `9999_to_come` is of a newer version"), "{newer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_alone_copies_nothing() {
    let copied = Copied::seeded().await;
    let (file, url) = (copied.file.url(), copied.to.url());

    let planned = copied.run(&["copy", "--from", &file, "--to", &url, "--dry-run"]);
    let unasked = copied.run(&["copy", "--from", &file, "--to", &url]);
    let mistyped = copied.run(&["copy", "--from", "typo.db", "--to", &url, "--yes"]);

    assert!(planned.0 == Some(0) && planned.1.contains("plan: copy of 23 rows in 9 tables"), "{planned:?}");
    assert!(unasked.0 == Some(2) && unasked.1.contains("--yes"), "{unasked:?}");
    assert!(mistyped.0 == Some(2) && !copied.file.folder().join("typo.db").exists(), "{mistyped:?}");
    assert!(copied.counts().await.iter().all(|rows| *rows == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_lost_a_row_on_the_way_is_not_made() {
    let copied = Copied::seeded().await;
    let swallow = "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER swallow BEFORE INSERT ON mojito_seen FOR EACH ROW EXECUTE FUNCTION swallow()";
    copied.to.run(swallow).await;

    let (code, said) = ended(&mut copied.command());

    assert!(
        code == Some(2) && said.contains("`mojito_seen` has 1 rows in the SQLite file, and 0 in the copy"),
        "{said}"
    );
    assert_eq!(copied.counts().await.iter().sum::<i64>(), 0);
}
