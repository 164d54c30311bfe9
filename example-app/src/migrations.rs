use anyhow::{Context as _, anyhow};
use diesel_migrations::MigrationHarness as _;
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::{Build, Rocket, async_trait};
use rocket_db_pools::Pool as _;
use rocket_mojito::pool::PooledConnection;

use crate::database::{Db, HiringDb, MIGRATIONS};

/// The error of a migration.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Brings the desk's own tables up to date at launch. Attach it after [`HiringDb`].
///
/// Diesel lists them in its usual table `__diesel_schema_migrations`; the plugin keeps a list of its own.
pub struct Migrations;

#[async_trait]
impl Fairing for Migrations {
    fn info(&self) -> Info {
        Info { name: "Migrations of the hiring desk", kind: Kind::Ignite }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        match migrate(&rocket).await {
            Ok(()) => Ok(rocket),
            Err(error) => {
                tracing::error!("{error:#}");
                Err(rocket)
            }
        }
    }
}

async fn migrate(rocket: &Rocket<Build>) -> anyhow::Result<()> {
    let database = rocket.state::<HiringDb>().context("the desk's tables wait for a database that is not open")?;
    let connection = database.get().await.context("`databases.mojito.url`")?;
    run(connection).await.context("the tables of the hiring desk cannot be brought up to date")
}

/// Takes the write lock before the first look, so that of two processes one finds nothing left to do.
#[cfg(feature = "sqlite")]
pub async fn run(mut connection: PooledConnection<Db>) -> anyhow::Result<()> {
    let run = |c: &mut diesel::SqliteConnection| {
        c.immediate_transaction(|c| {
            c.run_pending_migrations(MIGRATIONS)?;
            Ok::<_, Failure>(())
        })
    };
    let outcome = connection.spawn_blocking(move |c| Ok(run(c))).await?;
    outcome.map_err(|error| anyhow!(error))
}

/// Takes a lock before the first look, so that of two processes one finds nothing left to do. The number of the lock is
/// the desk's own.
#[cfg(not(feature = "sqlite"))]
async fn run(connection: PooledConnection<Db>) -> anyhow::Result<()> {
    use diesel::connection::{Connection as _, SimpleConnection as _};
    use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

    let run = move || {
        AsyncConnectionWrapper::<_>::from(connection).transaction(|c| {
            c.batch_execute("SELECT pg_advisory_xact_lock(4475362870)")?;
            c.run_pending_migrations(MIGRATIONS)?;
            Ok::<_, Failure>(())
        })
    };
    tokio::task::spawn_blocking(run).await?.map_err(|error| anyhow!(error))
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use diesel::{Connection as _, SqliteConnection};

    use super::*;

    #[test]
    fn the_tables_go_up_down_and_up_again() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();

        connection.run_pending_migrations(MIGRATIONS).unwrap();
        connection.revert_all_migrations(MIGRATIONS).unwrap();
        connection.run_pending_migrations(MIGRATIONS).unwrap();

        assert!(!connection.has_pending_migration(MIGRATIONS).unwrap());
    }
}
