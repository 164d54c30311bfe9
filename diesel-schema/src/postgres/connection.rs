use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::CacheSize;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, TlsStream};
use tokio_postgres::{Client, Connection as Driver, NoTls, Socket};

use super::pulse::Pulse;
use super::tls::{self, SslMode};
use super::url::{Proxy, Url};
use super::{Connection, SILENCE};
use crate::error::OpenError;

/// How long opening may take in all: a server that accepts and then says nothing is noticed too.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server's own keepalives, such as ours in `url`, where it knows them. While it waits for the rest of a statement,
/// none of its other limits holds, and the system's is two hours: for so long a host behind a network that is gone would
/// keep what it has locked.
const SERVER_KEEPALIVES: &str = "SELECT set_config(known.name, asked.value, false) FROM pg_settings AS known, \
    (VALUES ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'), \
    ('tcp_user_timeout', '10s')) AS asked (name, value) WHERE known.name = asked.name";

/// What a connection is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// To ask: it is closed when the server falls silent.
    Ask,
    /// To hear of what others tell, however long that takes.
    Hear,
}

/// Said where the URL leaves the encryption to us: the driver does not tell one reason from another.
const UNVERIFIED: &str = "the Postgres database cannot be reached; its URL names no `sslmode`, so a server on another \
    machine must show a certificate for its name from a known root (name that root in the URL, `sslrootcert=…`; or set \
    `sslmode` to what the network allows)";

pub(super) async fn open(url: &str) -> Result<Connection, OpenError> {
    open_for(Purpose::Ask, url).await
}

pub(super) async fn open_to_hear(url: &str) -> Result<Connection, OpenError> {
    open_for(Purpose::Hear, url).await
}

async fn open_for(purpose: Purpose, url: &str) -> Result<Connection, OpenError> {
    let url = Url::parse(url)?;
    timeout(PATIENCE, connect(purpose, &url))
        .await
        .map_err(|_| OpenError::no_connection(format!("the Postgres server did not answer within {PATIENCE:?}")))?
}

async fn connect(purpose: Purpose, url: &Url) -> Result<Connection, OpenError> {
    match url.mode {
        SslMode::Disable => connect_by(purpose, url, NoTls).await,
        _ => connect_by(purpose, url, tls::connector(url.mode, &url.roots)?).await,
    }
}

async fn connect_by<T>(purpose: Purpose, url: &Url, tls: T) -> Result<Connection, OpenError>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, driver) = url.config.connect(tls).await.map_err(|error| match (url.mode, url.is_assumed) {
        (SslMode::VerifyFull, true) => OpenError::because(UNVERIFIED, error),
        _ => unreachable(error),
    })?;
    match purpose {
        Purpose::Ask => watched(client, driver, url.proxy).await,
        Purpose::Hear => AsyncPgConnection::try_from_client_and_connection(client, driver).await.map_err(unreachable),
    }
}

/// A connection that is closed when the server falls silent: then what waits for an answer fails.
async fn watched<S>(client: Client, mut driver: Driver<Socket, S>, proxy: Proxy) -> Result<Connection, OpenError>
where
    S: TlsStream + Unpin + Send + 'static,
{
    let set_up = async {
        match proxy {
            Proxy::None => set_up(client).await.map_err(unreachable),
            Proxy::Transaction => set_up_by_proxy(client).await.map_err(unreachable),
        }
    };
    let mut connection = tokio::select! {
        connection = set_up => connection?,
        ended = &mut driver => return Err(ended.map_or_else(unreachable, |()| OpenError::new("the server hung up"))),
    };
    let pulse = Pulse::of(proxy);
    let watch = pulse.watch();
    connection.set_instrumentation(pulse);
    tokio::spawn(async move {
        tokio::select! {
            // Whoever waits for an answer is told.
            _ = driver => {}
            // A driver whose connection is gone still waits for each answer, and the server for the rest of what it was
            // asked, with all that it has locked.
            () = watch.stopped(SILENCE) => {}
        }
    });
    Ok(connection)
}

/// Whether what is prepared on a connection stays so.
pub(super) fn keeps_statements(connection: &mut Connection) -> bool {
    connection.instrumentation().downcast_ref::<Pulse>().is_some_and(|pulse| pulse.proxy == Proxy::None)
}

async fn set_up(client: Client) -> Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    client.batch_execute(SERVER_KEEPALIVES).await?;
    Ok(AsyncPgConnection::try_from(client).await?)
}

/// Diesel prepares every statement under a name, which only the session knows that it happened to be prepared in.
/// Inside a transaction that is one session; and without a cache the name is given up before the transaction ends.
async fn set_up_by_proxy(client: Client) -> Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    client.batch_execute("BEGIN").await?;
    let mut connection = AsyncPgConnection::try_from(client).await?;
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    connection.batch_execute("COMMIT").await?;
    Ok(connection)
}

fn unreachable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::because("the Postgres database cannot be reached", error)
}

pub(super) async fn inspect(connection: &mut Connection, allow_ephemeral: bool) -> Result<(), OpenError> {
    let settings = connection.transaction(async |c| settings(c).await).await;
    let (encoding, fsync) =
        settings.map_err(|error| OpenError::because("the Postgres settings cannot be read", error))?;
    if encoding != "UTF8" {
        return Err(OpenError::new(format!(
            "a Postgres database in the encoding `{encoding}`, which cannot hold every text: create it with `ENCODING 'UTF8'`"
        )));
    }
    if !allow_ephemeral && fsync != "on" {
        return Err(OpenError::new(
            "Postgres with `fsync = off`, which loses deliveries at a power cut: switch it on \
             (or set `mojito.allow_ephemeral = true` in a test)",
        ));
    }
    Ok(())
}

async fn settings(connection: &mut Connection) -> QueryResult<(String, String)> {
    let settings = (current_setting("server_encoding"), current_setting("fsync"));
    diesel::select(settings).get_result(connection).await
}

diesel::define_sql_function! {
    /// The value of a setting of the server.
    fn current_setting(name: Text) -> Text;
}
