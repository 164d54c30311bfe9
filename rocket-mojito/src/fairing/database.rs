use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mojito_schema::{Backend, HandlerSpec, Open, OpenError, Timestamp};
use rocket::{Build, Rocket};

use super::MojitoFairing;
use crate::Error;
use crate::config::{MojitoConfig, compare_pool, read_pool};
use crate::dispatch::has_erased_hook;
use crate::notices::Notices;
use crate::pool::Pool;
use crate::store::{Database, Pauses};

/// The time after which the launch logs that work is still made for a formerly retired handler.
const SLOW_ATTACH: Duration = Duration::from_secs(10);

/// The time after which the launch logs that migrations still run.
const SLOW_MIGRATION: Duration = Duration::from_secs(10);

/// The database of a launch.
impl<B: Backend> MojitoFairing<B> {
    /// The host's database, or the plugin's own, with the tables in it.
    pub(super) async fn open_database(
        &self,
        rocket: &Rocket<Build>,
        config: &MojitoConfig,
        specs: Vec<HandlerSpec>,
        pauses: &Pauses,
    ) -> Result<Database<B>, Error> {
        let name = self.host_pool.as_ref().map_or("mojito", |host| host.name);
        let (setting, pool) = self.find_pool(rocket, config, false).await?;
        let notices = Notices::start().map_err(|error| {
            Error::config(format!("the thread for the log cannot be started: {error}: let the system give more"))
        })?;
        let (handlers, concurrency) = (self.handlers.len(), config.handler_concurrency);
        compare_pool(&format!("databases.{name}"), pool.max_connections(), handlers, concurrency);
        let database = async {
            self.prepare_tables(&pool, config, specs, pauses).await?;
            Database::new(pool, notices).await
        };
        database.await.map_err(|error| Error::database(setting, error))
    }

    /// The pool of the host's database, or the plugin's own, with the setting that names it.
    pub(super) async fn find_pool(
        &self,
        rocket: &Rocket<Build>,
        config: &MojitoConfig,
        must_exist: bool,
    ) -> Result<(String, Pool<B>), Error> {
        let name = self.host_pool.as_ref().map_or("mojito", |host| host.name);
        let setting = format!("databases.{name}.url");
        let pool = match &self.host_pool {
            Some(host) => (host.find)(rocket).ok_or_else(|| {
                Error::config(format!(
                    "the host's database `{name}` is not there: attach its fairing before `MojitoFairing`, and where it \
                     is attached, see why it failed"
                ))
            })?,
            None => self.open_own_pool(rocket, config, &setting, must_exist).await?,
        };
        Ok((setting, pool))
    }

    async fn open_own_pool(
        &self,
        rocket: &Rocket<Build>,
        config: &MojitoConfig,
        setting: &str,
        must_exist: bool,
    ) -> Result<Pool<B>, Error> {
        let connections = config.handler_concurrency * self.handlers.len() + 1;
        let figment = rocket
            .figment()
            .focus("databases.mojito")
            .join(("max_connections", connections))
            .join(("connect_timeout", 5));
        if !figment.contains("url") {
            return Err(Error::config(format!(
                "`{setting}` is not set: set it in Rocket.toml or ROCKET_DATABASES, or share the host's pool with \
                 `.database::<…>()`"
            )));
        }
        let pool = read_pool("databases.mojito", &figment)?;
        let open = if must_exist { Open::Existing } else { Open::Create };
        Pool::open(&pool, open).await.map_err(|error| Error::database(setting, error))
    }

    async fn prepare_tables(
        &self,
        pool: &Pool<B>,
        config: &MojitoConfig,
        mut specs: Vec<HandlerSpec>,
        pauses: &Pauses,
    ) -> Result<(), OpenError> {
        let mut connection = pool.connection().await?;
        B::inspect(&mut connection, config.allow_ephemeral).await?;
        if config.migrate {
            migrate::<B>(&mut connection).await?;
            for host in &self.migrations {
                B::migrate_host(pool.open_beside(Open::Existing).await?, host.clone()).await?;
            }
        } else if let pending @ [_, ..] = B::pending_migrations(&mut connection).await?.as_slice() {
            return Err(OpenError::not_migrated(pending));
        }
        B::mend_ids(&mut connection).await?;
        // Before the first request, and the first claim.
        pauses.set(&B::paused(&mut connection).await.map_err(OpenError::not_read)?);
        for (spec, handler) in specs.iter_mut().zip(&self.handlers) {
            spec.has_erased_hook = has_erased_hook(&**handler, &mut connection);
        }
        attach::<B>(&mut connection, Arc::new(specs)).await
    }
}

/// Enters the handlers before this process records, so that every recorder knows them. A formerly retired handler gets
/// work for every delivery recorded since, which may take a while.
async fn attach<B: Backend>(connection: &mut B::Connection, specs: Arc<Vec<HandlerSpec>>) -> Result<(), OpenError> {
    let mut said = Instant::now();
    loop {
        match B::attach(connection, Arc::clone(&specs), Timestamp::now()).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(OpenError::not_attached(error)),
        }
        if said.elapsed() >= SLOW_ATTACH {
            tracing::warn!("work is still made for a handler that was retired: it gets all that was recorded since");
            said = Instant::now();
        }
    }
}

/// Runs the migrations, and logs at intervals that they still run.
async fn migrate<B: Backend>(connection: &mut B::Connection) -> Result<(), OpenError> {
    let mut migrating = pin!(B::migrate(connection));
    loop {
        match tokio::time::timeout(SLOW_MIGRATION, migrating.as_mut()).await {
            Ok(migrated) => return migrated,
            Err(_) => tracing::warn!("the migrations still run, or wait for somebody who uses the tables"),
        }
    }
}
