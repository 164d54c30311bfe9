use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use mojito_schema::{Backend, Open};
use rocket::figment::{Figment, Profile};
use rocket::tokio;

use super::arguments::{Arguments, Place};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::target::Target;
use crate::config::{LiveEndpoints, read_pool};
use crate::pool::Pool;
use crate::store::Pauses;
use crate::{Error, Inbox, MojitoConfig};

/// The setting that names the database.
const SETTING: &str = "databases.mojito.url";

/// The program `rocket-mojito`: the command line on a database alone.
pub fn main() -> ExitCode {
    let Arguments { place, words } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let output = Output::new(words.json);
    // A call to SQLite blocks its thread, which other tasks must not wait for.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ran = runtime.expect("the system gives threads").block_on(async {
        if words.command.needs_no_inbox() {
            return words.run_without(&output, Arguments::command()).await;
        }
        let target = place.open(words.command.creates()).await?;
        words.run(&target, &output).await
    });
    ran.unwrap_or_else(|failure: Failure| {
        Output::fail(&failure);
        Exit::Broken
    })
    .into()
}

impl Place {
    /// Opens the database, and reads the settings that stand beside it. Only a migration may create a file.
    async fn open(&self, creates: bool) -> Result<Target, Failure> {
        let mut figment = rocket::Config::figment();
        if let Some(profile) = &self.profile {
            figment = figment.select(Profile::new(profile));
        }
        let url = match &self.database {
            Some(url) => url.clone(),
            None => figment.extract_inner(SETTING).map_err(|_| {
                Failure::Usage(format!(
                    "no database: give `--database URL`, or stand beside the host's Rocket.toml, with `{SETTING}`"
                ))
            })?,
        };
        let settings = figment.contains("mojito").then(|| MojitoConfig::from_figment(&figment)).transpose()?;
        let config = settings.clone().unwrap_or_default();
        let inbox = open_any(&url, creates, &config).await?;
        let rocket: rocket::Config = figment.extract().map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Target { inbox, settings, listens_at: SocketAddr::new(rocket.address, rocket.port) })
    }
}

/// Opens the database that the URL's scheme names.
async fn open_any(url: &str, creates: bool, config: &MojitoConfig) -> Result<Inbox, Error> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        on_postgres(url, creates, config).await
    } else {
        on_sqlite(path(url), creates, config).await
    }
}

#[cfg(feature = "postgres")]
async fn on_postgres(url: &str, creates: bool, config: &MojitoConfig) -> Result<Inbox, Error> {
    open::<mojito_schema::Postgres>(url, creates, config).await
}

#[cfg(not(feature = "postgres"))]
async fn on_postgres(_: &str, _: bool, _: &MojitoConfig) -> Result<Inbox, Error> {
    Err(Error::config("this program is built without the feature `postgres`"))
}

#[cfg(feature = "sqlite")]
async fn on_sqlite(path: &str, creates: bool, config: &MojitoConfig) -> Result<Inbox, Error> {
    open::<mojito_schema::Sqlite>(path, creates, config).await
}

#[cfg(not(feature = "sqlite"))]
async fn on_sqlite(_: &str, _: bool, _: &MojitoConfig) -> Result<Inbox, Error> {
    Err(Error::config("this program is built without the feature `sqlite`"))
}

/// The path in a URL of SQLite, as other clients write it.
pub(super) fn path(url: &str) -> &str {
    url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url)
}

async fn open<B: Backend>(url: &str, creates: bool, config: &MojitoConfig) -> Result<Inbox, Error> {
    let refused = |error| Error::database(SETTING, error);
    let settings = Figment::from(("url", url)).join(("max_connections", 2)).join(("connect_timeout", 5));
    let settings = read_pool("databases.mojito", &settings)?;
    let open = if creates { Open::Create } else { Open::Existing };
    let pool = Pool::<B>::open(&settings, open).await;
    // Other handlers than these are known by the tables.
    let handlers = config.paused_handlers.iter().map(|name| (name.clone(), true));
    let pauses = Pauses::new(config.paused_endpoints(), handlers);
    let endpoints = LiveEndpoints::unread(&config.endpoints);
    Inbox::detached(pool.map_err(refused)?, config, pauses, endpoints, (Vec::new(), Vec::new())).await.map_err(refused)
}
