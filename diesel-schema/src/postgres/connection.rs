use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::timeout;
use tokio_postgres::NoTls;

use super::Connection;
use super::tls::{self, SslMode};
use super::url::Url;
use crate::error::OpenError;

/// How long opening may take in all: a server that accepts and then says nothing is noticed too.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn open(url: &str) -> Result<Connection, OpenError> {
    let url = Url::parse(url)?;
    timeout(PATIENCE, connect(&url))
        .await
        .map_err(|_| OpenError::no_connection(format!("the Postgres server did not answer within {PATIENCE:?}")))?
}

async fn connect(url: &Url) -> Result<Connection, OpenError> {
    let connection = if url.mode == SslMode::Disable {
        let (client, driver) = url.config.connect(NoTls).await.map_err(unreachable)?;
        AsyncPgConnection::try_from_client_and_connection(client, driver).await
    } else {
        let (client, driver) = url.config.connect(tls::connector(url.mode, &url.roots)?).await.map_err(unreachable)?;
        AsyncPgConnection::try_from_client_and_connection(client, driver).await
    };
    connection.map_err(unreachable)
}

fn unreachable(error: impl std::error::Error + Send + Sync + 'static) -> OpenError {
    OpenError::because("the Postgres database cannot be reached", error)
}

pub(super) async fn inspect(connection: &mut Connection, allow_ephemeral: bool) -> Result<(), OpenError> {
    let encoding = setting(connection, "server_encoding").await?;
    if encoding != "UTF8" {
        return Err(OpenError::new(format!(
            "a Postgres database in the encoding `{encoding}`, which cannot hold every text: create it with `ENCODING 'UTF8'`"
        )));
    }
    if !allow_ephemeral && setting(connection, "fsync").await? != "on" {
        return Err(OpenError::new(
            "Postgres with `fsync = off`, which loses deliveries at a power cut: switch it on \
             (or set `mojito.allow_ephemeral = true` in a test)",
        ));
    }
    Ok(())
}

async fn setting(connection: &mut Connection, name: &str) -> Result<String, OpenError> {
    diesel::select(current_setting(name))
        .get_result(connection)
        .await
        .map_err(|error| OpenError::because("the Postgres settings cannot be read", error))
}

diesel::define_sql_function! {
    /// The value of a setting of the server.
    fn current_setting(name: Text) -> Text;
}
