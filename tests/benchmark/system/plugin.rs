use std::sync::atomic::Ordering;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use rocket::http::Status;
use rocket::{Build, Config, Rocket, State, get, post, routes};
use rocket_mojito::{Actor, EndpointConfig, Inbox, MojitoConfig, MojitoFairing, Postgres, SecretConfig, Sqlite};

use crate::handler::{self, Desk};
use crate::secret::{HEADER, SECRET};

/// Records, and hands nothing on: the same durable work as the route that is written by hand.
pub(crate) fn sqlite(url: &str) -> anyhow::Result<Rocket<Build>> {
    Ok(host(url).attach(MojitoFairing::<Sqlite>::new(config()?)))
}

/// The same on Postgres.
pub(crate) fn postgres(url: &str) -> anyhow::Result<Rocket<Build>> {
    Ok(host(url).attach(MojitoFairing::<Postgres>::new(config()?)))
}

/// Records, and runs a transactional handler.
pub(crate) async fn sqlite_handling(url: &str) -> anyhow::Result<Rocket<Build>> {
    SqliteConnection::establish(url)?.batch_execute(handler::TABLE)?;
    let desk = Desk::default();
    Ok(with_routes(host(url), &desk).attach(MojitoFairing::<Sqlite>::new(config()?).handler(desk)))
}

/// The same on Postgres.
pub(crate) async fn postgres_handling(url: &str) -> anyhow::Result<Rocket<Build>> {
    AsyncPgConnection::establish(url).await?.batch_execute(handler::TABLE).await?;
    let desk = Desk::default();
    Ok(with_routes(host(url), &desk).attach(MojitoFairing::<Postgres>::new(config()?).handler(desk)))
}

fn host(url: &str) -> Rocket<Build> {
    rocket::custom(Config::figment().merge(("databases.mojito.url", url)))
}

/// What the measurements ask for.
fn with_routes(rocket: Rocket<Build>, desk: &Desk) -> Rocket<Build> {
    rocket.manage(desk.clone()).mount("/", routes![handled, prune])
}

/// How often the handler has ended.
#[get("/handled")]
fn handled(desk: &State<Desk>) -> String {
    desk.handled.load(Ordering::Relaxed).to_string()
}

/// Prunes now. How many bodies and deliveries.
#[post("/prune")]
async fn prune(inbox: Inbox) -> Result<String, Status> {
    let pruned = inbox.prune(Actor::new("benchmark")).await.map_err(|_| Status::ServiceUnavailable)?;
    Ok(format!("{} {}", pruned.bodies, pruned.deliveries))
}

/// The defaults, or what `ROCKET_MOJITO` says, and an endpoint.
fn config() -> anyhow::Result<MojitoConfig> {
    let endpoint = EndpointConfig::new().secret(SecretConfig::header("measured", HEADER, SECRET));
    Ok(MojitoConfig::from_env()?.endpoint("default", endpoint))
}
