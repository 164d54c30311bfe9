use std::time::Duration;

use rocket::figment::Figment;
use rocket::figment::value::Dict;
use rocket_db_pools::Config;

use super::bounds::{self, Number};
use super::describe;
use crate::Error;

/// The settings that a pool reads.
const SETTINGS: [&str; 3] = ["url", "max_connections", "connect_timeout"];

/// Reads the settings of a pool and checks their bounds. `root` is their key in Rocket's configuration.
///
/// # Errors
///
/// The sentence contains no value, since the URL holds a password.
pub(crate) fn read_pool(root: &str, figment: &Figment) -> Result<Config, Error> {
    let settings: Dict = figment.extract().map_err(|error| Error::config(describe(root, &error)))?;
    if let Some(unknown) = settings.keys().find(|name| !SETTINGS.contains(&name.as_str())) {
        return Err(Error::config(format!(
            "`{root}.{unknown}`: this pool has no such setting, but `{}`",
            SETTINGS.join("`, `")
        )));
    }
    let config: Config = figment.extract().map_err(|error| Error::config(describe(root, &error)))?;
    bounds::check(root, "max_connections", &Number::Whole(config.max_connections as u64))?;
    bounds::check(root, "connect_timeout", &Number::Time(Duration::from_secs(config.connect_timeout)))?;
    Ok(config)
}

/// Warns if attempts may wait for each other's connections. Such a wait loses nothing but time.
pub(crate) fn compare_pool(root: &str, max_connections: usize, handlers: usize, concurrency: usize) {
    let wanted = handlers * concurrency;
    if max_connections < wanted {
        tracing::warn!(
            max_connections,
            handlers,
            handler_concurrency = concurrency,
            "`{root}.max_connections` is smaller than the {wanted} attempts that may run at once, and each may want a \
             connection: set it to {} or more, or lower `mojito.handler_concurrency`",
            wanted + 1
        );
    }
}
