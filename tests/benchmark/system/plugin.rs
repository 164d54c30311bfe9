use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use rocket::{Build, Config, Rocket};
use rocket_mojito::{EndpointConfig, MojitoConfig, MojitoFairing, Postgres, SecretConfig, Sqlite};

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
    Ok(host(url).attach(MojitoFairing::<Sqlite>::new(config()?).handler(Desk)))
}

/// The same on Postgres.
pub(crate) async fn postgres_handling(url: &str) -> anyhow::Result<Rocket<Build>> {
    AsyncPgConnection::establish(url).await?.batch_execute(handler::TABLE).await?;
    Ok(host(url).attach(MojitoFairing::<Postgres>::new(config()?).handler(Desk)))
}

fn host(url: &str) -> Rocket<Build> {
    rocket::custom(Config::figment().merge(("databases.mojito.url", url)))
}

/// The defaults, or what `ROCKET_MOJITO` says, and an endpoint.
fn config() -> anyhow::Result<MojitoConfig> {
    let endpoint = EndpointConfig::new().secret(SecretConfig::header("measured", HEADER, SECRET));
    Ok(MojitoConfig::from_env()?.endpoint("default", endpoint))
}
