use anyhow::{Context as _, anyhow};
use diesel::SqliteConnection;
use diesel_migrations::MigrationHarness as _;
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::{Build, Rocket, async_trait};
use rocket_db_pools::Pool as _;

use crate::database::{DbConnection, HiringDb, MIGRATIONS};

/// Brings the desk's own tables up to date at launch. Attach it after [`HiringDb`].
///
/// They are listed in Diesel's usual `__diesel_schema_migrations`; the plugin keeps a list of its own.
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
    let mut connection = database.get().await.context("`databases.mojito.url`")?;
    run(&mut connection).await.context("the tables of the hiring desk cannot be brought up to date")
}

/// Takes the write lock before the first look, so that of two processes one finds nothing left to do.
async fn run(connection: &mut DbConnection) -> anyhow::Result<()> {
    type Failure = Box<dyn std::error::Error + Send + Sync>;
    let run = |c: &mut SqliteConnection| {
        c.immediate_transaction(|c| {
            c.run_pending_migrations(MIGRATIONS)?;
            Ok::<_, Failure>(())
        })
    };
    let outcome = connection.spawn_blocking(move |c| Ok(run(c))).await?;
    outcome.map_err(|error| anyhow!(error))
}

#[cfg(test)]
mod tests {
    use diesel::Connection as _;

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
