use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio::time::timeout;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{Client, Connection as Driver, NoTls, Socket};

use super::pulse::Pulse;
use super::tls::{self, SslMode};
use super::url::Url;
use super::{Connection, SILENCE};
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
    if url.mode == SslMode::Disable {
        let (client, driver) = url.config.connect(NoTls).await.map_err(unreachable)?;
        watched(client, driver).await
    } else {
        let (client, driver) = url.config.connect(tls::connector(url.mode, &url.roots)?).await.map_err(unreachable)?;
        watched(client, driver).await
    }
}

/// A connection that is closed when the server falls silent: then what waits for an answer fails.
async fn watched<S>(client: Client, mut driver: Driver<Socket, S>) -> Result<Connection, OpenError>
where
    S: TlsStream + Unpin + Send + 'static,
{
    let mut connection = tokio::select! {
        connection = AsyncPgConnection::try_from(client) => connection.map_err(unreachable)?,
        ended = &mut driver => return Err(ended.map_or_else(unreachable, |()| OpenError::new("the server hung up"))),
    };
    let pulse = Pulse::default();
    let watch = pulse.watch();
    connection.set_instrumentation(pulse);
    tokio::spawn(async move {
        tokio::select! {
            // Whoever waits for an answer is told.
            _ = driver => {}
            () = watch.stopped(SILENCE) => {}
        }
    });
    Ok(connection)
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
