//! The tables of a host, made by its own migrations at launch, on either database.

use diesel::ExpressionMethods;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use mojito_schema::{Postgres, Sqlite};
use rocket::{Build, Rocket};
use rocket_mojito::{Context, Event, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler};

use crate::harness::{Body, Log, Store, TestBackend, TestServer, config, on_each_backend};

const OFFERS: EmbeddedMigrations = embed_migrations!("fixtures/migrations");

/// The same, and one behind it that is no SQL.
const BROKEN: EmbeddedMigrations = embed_migrations!("fixtures/broken-migrations");

const LISTED: &str = "SELECT version AS value FROM __diesel_schema_migrations";

on_each_backend!(
    a_handler_finds_the_tables_of_the_hosts_migrations,
    hosts_that_launch_at_once_run_each_migration_once,
    a_migration_that_fails_stops_the_launch_and_none_is_kept,
    without_migrate_the_hosts_do_not_run_either,
);

diesel::table! { offers (result_id) { result_id -> Text, score -> Nullable<Double> } }

struct Desk;

/// A handler for one database.
macro_rules! desk {
    ($backend:ident) => {
        #[rocket::async_trait]
        impl MojitoHandler<$backend> for Desk {
            async fn interview_result(&self, event: &Event, cx: &mut Context<'_, $backend>) -> HandlerResult {
                let row = offers::result_id.eq(&event.payload().id);
                let offer = diesel::insert_into(offers::table).values(row);
                diesel_async::RunQueryDsl::execute(offer, cx.transaction().await?).await?;
                Ok(())
            }
        }
    };
}

desk!(Sqlite);
desk!(Postgres);

/// The migrations of a host on this database, as its author attaches them.
trait Migrating: TestBackend {
    fn with(fairing: MojitoFairing<Self>, migrations: EmbeddedMigrations) -> MojitoFairing<Self>;
}

impl Migrating for Sqlite {
    fn with(fairing: MojitoFairing<Self>, migrations: EmbeddedMigrations) -> MojitoFairing<Self> {
        fairing.migrations(migrations).handler(Desk)
    }
}

impl Migrating for Postgres {
    fn with(fairing: MojitoFairing<Self>, migrations: EmbeddedMigrations) -> MojitoFairing<Self> {
        fairing.migrations(migrations).handler(Desk)
    }
}

/// A host with a handler and these migrations.
fn fairing<B: Migrating>(config: MojitoConfig, migrations: EmbeddedMigrations) -> MojitoFairing<B> {
    B::with(MojitoFairing::new(config), migrations)
}

fn rocket<B: Migrating>(url: &str, migrations: EmbeddedMigrations) -> Rocket<Build> {
    let figment = TestServer::figment().merge(("databases.mojito.url", url));
    rocket::custom(figment).attach(fairing::<B>(config(), migrations))
}

async fn a_handler_finds_the_tables_of_the_hosts_migrations<B: Migrating>() {
    let mut store = Store::<B>::open_empty().await;
    let host = TestServer::on(store.url(), fairing::<B>(config(), OFFERS)).await;

    assert_eq!(host.post(Body::result("r").bytes()).await.status, 200);

    store.drained().await;
    host.stop().await;
    assert_eq!(store.texts("SELECT result_id AS value FROM offers").await, ["r"]);
    let again = TestServer::on(store.url(), fairing::<B>(config(), OFFERS)).await;
    again.stop().await;
    assert_eq!(store.texts(LISTED).await, ["20261101000000"], "a second launch has nothing to do");
}

// Shows O31.
async fn hosts_that_launch_at_once_run_each_migration_once<B: Migrating>() {
    let mut store = Store::<B>::open_empty().await;
    let url = store.url().to_owned();
    let hosts = (0..4).map(|_| {
        let rocket = rocket::<B>(&url, OFFERS);
        tokio::spawn(async move { rocket.ignite().await.map(drop).map_err(|error| error.to_string()) })
    });

    for host in hosts.collect::<Vec<_>>() {
        assert_eq!(host.await.unwrap(), Ok(()));
    }

    assert_eq!(store.texts(LISTED).await, ["20261101000000"]);
}

// Shows O31.
async fn a_migration_that_fails_stops_the_launch_and_none_is_kept<B: Migrating>() {
    let log = Log::capture();
    let mut store = Store::<B>::open_empty().await;

    let launched = rocket::<B>(store.url(), BROKEN).ignite().await.map(drop).map_err(|error| error.to_string());

    assert!(launched.is_err());
    let lines = log.lines();
    let sentence = lines.iter().find(|line| line.starts_with("ERROR")).expect("a sentence");
    let parts = ["a migration of the host's own tables was not run", "2026-11-02-000000_broken", "syntax error"];
    assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    let tables = match B::NAME {
        "SQLite" => "SELECT name AS value FROM sqlite_schema WHERE name = 'offers'",
        _ => "SELECT relname::text AS value FROM pg_class WHERE relname = 'offers'",
    };
    assert_eq!(store.texts(tables).await, [""; 0]);
}

async fn without_migrate_the_hosts_do_not_run_either<B: Migrating>() {
    let mut store = Store::<B>::open().await;
    store.run("CREATE TABLE offers (result_id TEXT)").await;

    let host = TestServer::on(store.url(), fairing::<B>(config().migrate(false), OFFERS)).await;

    host.stop().await;
    assert_eq!(store.texts("SELECT result_id AS value FROM offers").await, [""; 0]);
}
