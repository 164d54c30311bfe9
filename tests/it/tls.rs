//! TLS to the Postgres server: what each `sslmode` takes for good, and what it refuses.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use mojito_schema::{Open, Opening, Postgres};

#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = Bool)]
    ssl: bool,
}

/// Whether the connection is encrypted, where there is one.
async fn connect(host: &str, parameters: &str) -> Result<bool, String> {
    let server = std::env::var("MOJITO_TEST_POSTGRES").expect("run the tests with `tests/run`, which starts a server");
    let roots = std::env::var("MOJITO_TEST_POSTGRES_ROOTS").expect("run the tests with `tests/run`");
    let url = format!("{}?{}", server.replace("127.0.0.1", host), parameters.replace('$', &roots));
    let mut connection = match Postgres::open(&url, Open::Existing).await {
        Ok(connection) => connection,
        Err(error) => return Err(chain(&error)),
    };
    let session = diesel::sql_query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    Ok(session.get_result::<Session>(&mut connection).await.unwrap().ssl)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_verifies_nothing_takes_any_server() {
    assert_eq!(connect("127.0.0.1", "").await, Ok(true), "this is the default on one machine");
    assert_eq!(connect("127.0.0.1", "sslmode=prefer").await, Ok(true));
    assert_eq!(connect("127.0.0.1", "sslmode=require").await, Ok(true));
    assert_eq!(connect("127.0.0.1", "sslmode=disable").await, Ok(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_the_given_root_is_good() {
    assert_eq!(connect("localhost", "sslmode=verify-full&sslrootcert=$/right.pem").await, Ok(true));
    assert_eq!(connect("127.0.0.1", "sslmode=verify-ca&sslrootcert=$/right.pem").await, Ok(true));
    assert_eq!(connect("127.0.0.1", "sslmode=require&sslrootcert=$/right.pem").await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_is_refused_by_verify_full() {
    let refusal = connect("127.0.0.1", "sslmode=verify-full&sslrootcert=$/right.pem").await.unwrap_err();

    assert!(refusal.contains("not valid for name"), "{refusal}");
}

/// A name that is not this machine's, at its address.
const ELSEWHERE: &str = "elsewhere.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_elsewhere_has_to_prove_its_name_unless_the_url_says_otherwise() {
    for parameters in ["hostaddr=127.0.0.1", "hostaddr=127.0.0.1&sslrootcert=$/right.pem"] {
        let refusal = connect(ELSEWHERE, parameters).await.unwrap_err();

        assert!(refusal.contains("names no `sslmode`") && refusal.contains("sslrootcert"), "{refusal}");
    }
    assert_eq!(connect(ELSEWHERE, "hostaddr=127.0.0.1&sslmode=require").await, Ok(true));
    assert_eq!(connect(ELSEWHERE, "hostaddr=127.0.0.1&sslmode=prefer").await, Ok(true));
    assert_eq!(connect("localhost", "sslrootcert=$/right.pem").await, Ok(true));
    assert!(connect("localhost", "sslrootcert=$/wrong.pem").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_another_root_is_refused() {
    for parameters in [
        "sslmode=verify-full&sslrootcert=$/wrong.pem",
        "sslmode=verify-ca&sslrootcert=$/wrong.pem",
        "sslmode=require&sslrootcert=$/wrong.pem",
        "sslmode=verify-full",
        "sslmode=verify-full&sslrootcert=system",
    ] {
        let refusal = connect("localhost", parameters).await.unwrap_err();

        // A machine without any root of its own says so instead.
        let is_told = refusal.contains("invalid peer certificate") || refusal.contains("no root certificate");
        assert!(is_told, "{parameters}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_file_that_is_none_is_told() {
    for file in ["nowhere.pem", "openssl"] {
        let refusal = connect("localhost", &format!("sslmode=verify-full&sslrootcert=$/{file}")).await.unwrap_err();

        assert!(refusal.contains("sslrootcert"), "{refusal}");
    }
}
