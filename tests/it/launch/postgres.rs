//! The errors of a launch whose Postgres server cannot be reached, or whose URL cannot be followed.

use std::net::{Ipv4Addr, TcpListener};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use mojito_schema::{Open, Opening, Postgres};
use rocket_mojito::{MojitoConfig, MojitoFairing};

use super::{CANARY, assert_stops, secret};
use crate::harness::{PrivateServer, TestServer};

/// Whom the server asks for a password, whom it sends away, and whom it lets in.
const ADMITTED: &str = "host all asked all scram-sha-256\nhost all barred all reject\nhost all all all trust\n";

const ROLES: &str = "CREATE ROLE asked LOGIN PASSWORD 'right'; CREATE ROLE barred LOGIN; CREATE ROLE outsider LOGIN; \
    CREATE ROLE many LOGIN CONNECTION LIMIT 0; CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC";

fn launch(url: &str) -> rocket::Rocket<rocket::Build> {
    with(MojitoConfig::new().secret("default", secret("a")), url)
}

fn with(config: MojitoConfig, url: &str) -> rocket::Rocket<rocket::Build> {
    let figment = TestServer::figment().merge(("databases.mojito.url", url));
    rocket::custom(figment).attach(MojitoFairing::<Postgres>::new(config))
}

// Shows F12.
#[tokio::test]
async fn a_server_without_fsync_stops_the_launch_unless_that_is_allowed() {
    let server = PrivateServer::start_with_fsync("off").await;
    let url = server.url(server.address(), "postgres");

    assert_stops(launch(&url), &["`databases.mojito.url`", "`fsync = off`", "`mojito.allow_ephemeral = true`"]).await;

    let config = MojitoConfig::new().secret("default", secret("a")).allow_ephemeral(true);
    assert!(with(config, &url).ignite().await.is_ok());
}

#[tokio::test]
async fn a_database_in_another_encoding_stops_the_launch_whatever_is_allowed() {
    let server = PrivateServer::start().await;
    let mut administrator = AsyncPgConnection::establish(&server.url(server.address(), "postgres")).await.unwrap();
    let create = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    administrator.batch_execute(create).await.unwrap();
    let config = MojitoConfig::new().secret("default", secret("a")).allow_ephemeral(true);

    let rocket = with(config, &server.url(server.address(), "latin"));

    assert_stops(rocket, &["`databases.mojito.url`", "encoding `LATIN1`", "`ENCODING 'UTF8'`"]).await;
}

#[tokio::test]
async fn tables_that_are_not_there_stop_a_launch_that_only_checks() {
    let server = PrivateServer::start().await;
    let config = MojitoConfig::new().secret("default", secret("a")).migrate(false);

    let rocket = with(config, &server.url(server.address(), "postgres"));

    assert_stops(rocket, &["`databases.mojito.url`", "0001_create_tables", "`mojito.migrate = true`"]).await;
}

#[tokio::test]
async fn why_a_server_refuses_is_told_with_its_code() {
    let server = PrivateServer::start().await;
    let mut administrator = AsyncPgConnection::establish(&server.url(server.address(), "postgres")).await.unwrap();
    for statement in ROLES.split("; ") {
        administrator.batch_execute(statement).await.unwrap();
    }
    server.admit(ADMITTED);
    let at = server.address();
    let barred = format!("postgres://barred@{at}/postgres?sslmode=disable");
    while Postgres::open(&barred, Open::Existing).await.is_ok() {}

    for (user, database, code, remedy) in [
        ("asked:canary", "postgres", "class 28, SQLSTATE 28P01", "user or password is wrong"),
        ("barred", "postgres", "class 28, SQLSTATE 28000", "pg_hba.conf"),
        ("mojito", "canary", "class 3D, SQLSTATE 3D000", "there is no such database: create it"),
        ("many", "postgres", "class 53, SQLSTATE 53300", "max_connections"),
        ("outsider", "closed", "class 42, SQLSTATE 42501", "GRANT CONNECT"),
        ("mojito", "postgres?options=-ccanary%3D1", "SQLSTATE 42704", "`options`"),
    ] {
        let separator = if database.contains('?') { '&' } else { '?' };
        let url = format!("postgres://{user}@{at}/{database}{separator}sslmode=disable");

        let sentence = assert_stops(launch(&url), &["`databases.mojito.url`", "cannot be reached", code, remedy]).await;

        assert!(!sentence.contains(CANARY), "{sentence}");
    }
    let right = format!("postgres://asked:right@{at}/postgres?sslmode=disable");
    assert!(Postgres::open(&right, Open::Existing).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_refuses() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let closing = mute.local_addr().unwrap();
    std::thread::spawn(move || mute.incoming().for_each(drop));

    for (url, remedy) in [
        (format!("postgres://mojito:canary@{nobody}/hiring"), "nobody listens there: start the server"),
        (format!("postgres://mojito:canary@{nobody}/hiring?sslmode=verify-full"), "nobody listens there"),
        (
            format!("postgres://mojito:canary@elsewhere.example:{}/hiring?hostaddr=127.0.0.1", nobody.port()),
            "nobody listens there",
        ),
        (format!("postgres://mojito:canary@{closing}/hiring"), "is this the port of a Postgres server?"),
        ("postgres://mojito:canary@%2Fnowhere/hiring".to_owned(), "there is no such socket"),
    ] {
        let sentence = assert_stops(launch(&url), &["`databases.mojito.url`", "cannot be reached", remedy]).await;

        assert!(!sentence.contains("sslrootcert"), "{sentence}");
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_followed_is_told_without_a_word_of_it() {
    for (parameters, parts) in [
        ("schema=canary", ["`schema`", "options=-csearch_path%3D"]),
        ("pgbouncer=true", ["`pgbouncer`", "`proxy=transaction`"]),
        ("sslcert=/canary.pem", ["`sslcert`", "a password"]),
        ("gssencmode=require", ["`gssencmode`", "`sslmode=verify-full`"]),
        ("client_encoding=LATIN1", ["`client_encoding`", "UTF-8"]),
        ("connect_timeout=canary", ["`connect_timeout`", "whole seconds"]),
        ("sslmode=canary", ["`sslmode`", "`verify-full`"]),
        ("colour=canary", ["`colour`", "remove it"]),
    ] {
        let url = format!("postgres://mojito:canary@localhost/hiring?{parameters}");

        assert_stops(launch(&url), &["`databases.mojito.url`", parts[0], parts[1]]).await;
    }
}
