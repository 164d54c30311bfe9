//! The kit for a host's own tests, `rocket_mojito::testing`, used as a host uses it.

mod checked;
mod dropped;
mod examples;
mod handler;
mod inbox;
mod inbox_failures;
mod performed;
mod schemes;
// Its tests run with these: nothing of it is out of date.
#[path = "../../../rocket-mojito/examples/testing_a_handler.rs"]
#[expect(dead_code, reason = "an example has a `main`, which is not called here")]
mod testing_a_handler;

use diesel_async::SimpleAsyncConnection;
use rocket::figment::Figment;
use rocket::{Build, Rocket};
use rocket_mojito::testing::{TestDatabase, TestInbox};
use rocket_mojito::{MojitoConfig, MojitoFairing, MojitoHandler};

use self::handler::tables;
use crate::harness::{TestBackend, config};

/// A database with the handlers' tables, for as long as its storage lives.
async fn database<B: TestBackend>() -> (B::Storage, TestDatabase<B>) {
    let (storage, database, _) = database_at().await;
    (storage, database)
}

/// The same with its URL.
async fn database_at<B: TestBackend>() -> (B::Storage, TestDatabase<B>, String) {
    let (storage, url) = B::create_migrated().await;
    let database = TestDatabase::<B>::open(&url).await.unwrap();
    database.connection().await.unwrap().batch_execute(&tables::<B>()).await.unwrap();
    (storage, database, url)
}

/// The rows of one of the handlers' tables.
async fn count<B: TestBackend>(database: &TestDatabase<B>, table: &str) -> usize {
    let mut connection = database.connection().await.unwrap();
    B::texts(&mut connection, &format!("SELECT 'row' AS value FROM {table}")).await.len()
}

/// A host with one handler, run by a test, and its database with the handlers' tables.
async fn inbox_with<B: TestBackend>(
    handler: impl MojitoHandler<B>,
    change: impl FnOnce(MojitoConfig) -> MojitoConfig,
) -> (B::Storage, TestDatabase<B>, TestInbox) {
    let (storage, database, url) = database_at().await;
    let inbox = TestInbox::try_new(rocket(&url, MojitoFairing::new(change(config())).handler(handler))).await.unwrap();
    (storage, database, inbox)
}

/// A host on the database at this URL.
fn rocket<B: TestBackend>(url: &str, fairing: MojitoFairing<B>) -> Rocket<Build> {
    let figment = Figment::from(rocket::Config::debug_default()).merge(("databases.mojito.url", url));
    rocket::custom(figment.merge(("log_level", "off"))).attach(fairing)
}
