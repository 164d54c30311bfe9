//! The settings of a pool, and whether it is as large as the handlers need.

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_db_pools::{Database as _, Pool as _};
use rocket_mojito::pool::SqlitePool;
use rocket_mojito::{Backend, MojitoConfig, MojitoFairing, MojitoHandler, Postgres};

use super::{CANARY, assert_stops, secret};
use crate::harness::{Host, HostBuilder, Log, Store, TestServer};

struct Desk;

impl<B: Backend> MojitoHandler<B> for Desk {}

#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(SqlitePool);

fn builder() -> HostBuilder {
    Host::builder().config(|_| MojitoConfig::new().secret("default", secret("a"))).handler(Desk)
}

/// The warnings of the size of the pool at a launch.
async fn warnings(rocket: rocket::Rocket<rocket::Build>) -> Vec<String> {
    let log = Log::capture();
    rocket.ignite().await.unwrap();
    log.lines().into_iter().filter(|line| line.starts_with("WARN ") && line.contains("max_connections")).collect()
}

#[tokio::test]
async fn a_number_that_a_pool_cannot_have_stops_the_launch() {
    let whole = "write a whole number from 1 to 10000";
    let seconds = "write whole seconds from 1 to 3600";
    let cases = [
        ("max_connections", 0_u64, whole),
        ("max_connections", 10_001, whole),
        ("max_connections", i64::MAX as u64, whole),
        ("connect_timeout", 0, seconds),
        ("connect_timeout", 3_601, seconds),
    ];

    for (setting, number, remedy) in cases {
        let rocket = builder().merge((format!("databases.mojito.{setting}"), number)).build();

        assert_stops(rocket, &[&format!("`databases.mojito.{setting}` is {number}: {remedy}")]).await;
    }
    for (setting, remedy) in [("max_connections", whole), ("connect_timeout", seconds)] {
        let rocket = builder().merge((format!("databases.mojito.{setting}"), CANARY)).build();

        assert_stops(rocket, &[&format!("`databases.mojito.{setting}`"), "a text", remedy]).await;
    }
}

#[tokio::test]
async fn a_setting_that_no_pool_looks_at_stops_the_launch() {
    for setting in ["pool_size", "timeout", "idle_timeout", "min_connections"] {
        let rocket = builder().merge((format!("databases.mojito.{setting}"), 5)).build();

        let parts = [&format!("`databases.mojito.{setting}`"), "no such setting, but `url`, `max_connections`"];
        assert_stops(rocket, &parts).await;
    }
}

/// Rocket logs what a pool says, and would quote what Figment says.
#[tokio::test]
async fn the_pool_of_a_host_has_the_same_rules_and_shows_no_value() {
    for (settings, part) in [
        ("{url=\"x.db\", max_connections=0, connect_timeout=5}", "max_connections` is 0"),
        ("{url=\"x.db\", max_connections=\"canary\", connect_timeout=5}", "a text: write a whole number"),
        ("{url=[\"canary\"], max_connections=1, connect_timeout=5}", "a list: write the path"),
        ("{url=\"x.db\", max_connections=1, connect_timeout=5, pool_size=9}", "no such setting"),
    ] {
        let figment = Figment::from(Toml::string(&format!("x = {settings}"))).focus("x");

        let error = SqlitePool::init(&figment).await.err().unwrap().to_string();

        assert!(error.contains(part) && !error.contains(CANARY), "{error}");
    }
}

#[tokio::test]
async fn a_pool_that_is_smaller_than_the_handlers_need_is_named() {
    let with = |connections: u64| builder().merge(("databases.mojito.max_connections", connections)).build();
    let shared = builder()
        .merge(("databases.hiring.url", ":memory:"))
        .merge(("databases.hiring.max_connections", 3))
        .config(|config| config.allow_ephemeral(true))
        .rocket_before(|rocket| rocket.attach(HostDb::init()))
        .fairing(MojitoFairing::database::<HostDb>)
        .build();

    let small = warnings(with(3)).await;
    let shared = warnings(shared).await;

    assert_eq!(small.len(), 1, "{small:?}");
    for part in ["`databases.mojito.max_connections`", "the 4 attempts", "set it to 5", "handler_concurrency"] {
        assert!(small[0].contains(part), "{small:?}");
    }
    assert!(shared.len() == 1 && shared[0].contains("`databases.hiring.max_connections`"), "{shared:?}");
    assert_eq!(warnings(with(4)).await, [""; 0]);
    assert_eq!(warnings(builder().build()).await, [""; 0]);
}

#[tokio::test]
async fn a_pool_on_postgres_that_is_smaller_than_the_handlers_need_is_named() {
    let store = Store::<Postgres>::open_empty().await;
    let with = |connections: u64| {
        let config = MojitoConfig::new().secret("default", secret("a")).handler_concurrency(2);
        let figment = TestServer::figment()
            .merge(("databases.mojito.url", store.url()))
            .merge(("databases.mojito.max_connections", connections));
        rocket::custom(figment).attach(MojitoFairing::<Postgres>::new(config).handler(Desk))
    };

    let small = warnings(with(1)).await;

    assert!(small.len() == 1 && small[0].contains("the 2 attempts"), "{small:?}");
    assert_eq!(warnings(with(2)).await, [""; 0]);
}
