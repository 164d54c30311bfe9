use rocket_mojito::MojitoConfig;

use super::{CANARY, assert_stops, secret};
use crate::harness::{Body, Database, Host, HostBuilder, TestDatabase};

const SETTING: &str = "`databases.mojito.url`";

fn builder() -> HostBuilder {
    Host::builder().config(|_| MojitoConfig::new().secret("default", secret("a")))
}

fn at(url: &str) -> HostBuilder {
    builder().merge(("databases.mojito.url", url))
}

#[tokio::test]
async fn a_database_in_a_folder_that_is_not_there_stops_the_launch() {
    let database = Database::new();
    let path = database.folder().join("nowhere").join("test.db");

    let rocket = at(path.to_str().unwrap()).build();

    assert_stops(rocket, &[SETTING, "cannot be opened", "check its path and permissions"]).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_stops_the_launch() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a letter, not a database, and long enough to be read as a page of one".repeat(100))
        .unwrap();

    let rocket = at(file.path().to_str().unwrap()).build();

    assert_stops(rocket, &[SETTING, "cannot be used", "is it a database"]).await;
}

#[tokio::test]
async fn a_database_that_is_not_migrated_stops_a_launch_that_only_checks() {
    let rocket = builder().config(|config| config.migrate(false)).build();

    assert_stops(rocket, &[SETTING, "0001_create_tables", "have not run", "`mojito.migrate = true`"]).await;
}

#[tokio::test]
async fn a_database_that_is_migrated_starts_without_migrating() {
    let first = builder().start().await;
    let database = std::sync::Arc::clone(&first.database);
    first.stop().await;

    let host = builder().database(&database).config(|config| config.migrate(false)).start().await;

    host.stop().await;
}

// Shows F12.
#[tokio::test]
async fn an_ephemeral_database_stops_the_launch() {
    for url in [":memory:", "", "file::memory:", "file:x?mode=memory&cache=shared", "file:/x?vfs=memdb"] {
        let rocket = at(url).build();

        assert_stops(rocket, &[SETTING, "in-memory", "forgets", "`mojito.allow_ephemeral = true`"]).await;
    }
}

#[tokio::test]
async fn an_ephemeral_database_works_where_it_is_allowed() {
    let host = Host::builder()
        .config(|config| config.allow_ephemeral(true))
        .merge(("databases.mojito.url", ":memory:"))
        .start()
        .await;
    let body = Body::result("r-1").bytes();

    let first = host.post("interview_result", &body).await;
    let again = host.post("interview_result", &body).await;

    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.delivery(), again.delivery());
    host.stop().await;
}

#[tokio::test]
async fn the_url_of_another_database_stops_the_launch_and_is_not_repeated() {
    for url in ["postgres://mojito:canary@db.example/hiring", "postgresql://mojito:canary@db.example/hiring"] {
        let rocket = at(url).build();

        let sentence = assert_stops(rocket, &[SETTING, "`postgres", "SQLite", "path of a file"]).await;
        assert!(!sentence.contains("db.example"), "{sentence}");
    }
}

#[tokio::test]
async fn a_url_that_is_no_name_of_a_file_stops_the_launch() {
    for (url, scheme) in [
        ("sqlite:hiring.db", "`sqlite:`"),
        ("sqlite3:/srv/hiring.db", "`sqlite3:`"),
        ("jdbc:sqlite:hiring.db", "`jdbc:`"),
        ("sqlite://hiring.db", "`sqlite"),
        ("sqlite:///srv/hiring.db", "`sqlite"),
        ("sqlite::memory:", "`sqlite:`"),
    ] {
        let rocket = at(url).build();

        assert_stops(rocket, &[SETTING, scheme, "path"]).await;
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_file_stops_the_launch() {
    let database = Database::new();

    let rocket = at(database.folder().to_str().unwrap()).build();

    assert_stops(rocket, &[SETTING, "is a folder", "path of a file in it"]).await;
}

#[tokio::test]
async fn without_a_database_the_launch_says_where_to_name_one() {
    let rocket = builder().without_database().build();

    assert_stops(rocket, &[SETTING, "Rocket.toml", "ROCKET_DATABASES", "`.database::<…>()`"]).await;
}

#[tokio::test]
async fn a_database_that_is_written_wrongly_is_not_repeated() {
    let cases =
        [("databases.mojito", CANARY.to_owned()), ("databases", "postgres://mojito:canary@db/hiring".to_owned())];
    for case in cases {
        let rocket = builder().without_database().merge(case).build();

        assert_stops(rocket, &[SETTING, "Rocket.toml"]).await;
    }
    let rocket = builder().without_database().merge(("databases.mojito.url", [CANARY])).build();
    assert_stops(rocket, &[SETTING, "a list: write the path of the SQLite file"]).await;
}
