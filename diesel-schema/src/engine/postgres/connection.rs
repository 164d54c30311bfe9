use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent, get_default_instrumentation};
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode as DriverSslMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Connection as Driver, NoTls, Socket};

use super::handshake::Handshake;
use super::refusal::{unreachable, unverified};
use super::tls::{self, SslMode};
use super::url::{Proxy, Url};
use super::{Connection, SILENCE_TIMEOUT};
use crate::engine::open_error::OpenError;

/// The time limit of the whole opening: it catches a server that accepts and then says nothing, too.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's own keepalives, like ours in `url`, where the server knows these settings. While the server waits for
/// the rest of a statement, none of its other limits holds. The system's keepalive takes two hours: for so long a host
/// behind a dead network would keep its locks.
const SERVER_KEEPALIVES: &str = "SELECT set_config(known.name, asked.value, false) FROM pg_settings AS known, \
    (VALUES ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'), \
    ('tcp_user_timeout', '10s')) AS asked (name, value) WHERE known.name = asked.name";

/// The settings of a session after its cleaning: the same keepalives, and Diesel's time zone. The server is known to
/// have these settings: they came with version 12.
const SETTINGS: &str = "SET TIME ZONE 'UTC'; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; \
    SET tcp_keepalives_count = 3; SET tcp_user_timeout = '10s'";

/// The settings behind a proxy, which has a network of its own.
const TIME_ZONE: &str = "SET TIME ZONE 'UTC'";

/// The nature of a connection, kept in the only place that Diesel has for it: the host's instrumentation. A host's
/// default instrumentation still hears the events of every connection.
pub(super) struct Nature {
    proxy: Proxy,
    /// Whether the open transaction misses commits that were made after it began.
    is_blind: bool,
    hosts: Option<Box<dyn Instrumentation>>,
}

impl Instrumentation for Nature {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let Some(hosts) = &mut self.hosts {
            hosts.on_connection_event(event);
        }
    }
}

pub(super) async fn open(url: &str) -> Result<Connection, OpenError> {
    let url = Url::parse(url)?;
    timeout(CONNECT_TIMEOUT, connect(&url)).await.map_err(|_| {
        OpenError::no_connection(format!("the Postgres server did not answer within {CONNECT_TIMEOUT:?}"))
    })?
}

async fn connect(url: &Url) -> Result<Connection, OpenError> {
    let tls = match url.mode {
        SslMode::Disable => None,
        _ => Some(tls::connector(url.mode, &url.roots)?),
    };
    let has_name = url.config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
    match (has_name, tls) {
        (true, tls) => {
            let handshake = Handshake {
                tls,
                is_required: !matches!(url.mode, SslMode::Disable | SslMode::Prefer),
                is_direct: url.config.get_ssl_negotiation() == SslNegotiation::Direct,
                limit: SILENCE_TIMEOUT,
            };
            let mut config = url.config.clone();
            config.ssl_mode(DriverSslMode::Require).ssl_negotiation(SslNegotiation::Direct);
            connect_by(url, &config, handshake).await
        }
        // Without a host name the driver encrypts nothing, and a socket of this machine has no network that could fall
        // silent.
        (false, Some(tls)) => connect_by(url, &url.config, tls).await,
        (false, None) => connect_by(url, &url.config, NoTls).await,
    }
}

async fn connect_by<T>(url: &Url, config: &Config, tls: T) -> Result<Connection, OpenError>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, driver) = config.connect(tls).await.map_err(|error| match (url.mode, url.is_assumed) {
        (SslMode::VerifyFull, true) => unverified(error),
        _ => unreachable(error),
    })?;
    let set_up = match url.proxy {
        Proxy::None => set_up(client, driver).await,
        Proxy::Transaction => set_up_by_proxy(client, driver).await,
    };
    let mut connection = set_up.map_err(unreachable)?;
    connection.set_instrumentation(Nature { proxy: url.proxy, is_blind: false, hosts: get_default_instrumentation() });
    Ok(connection)
}

/// Whether prepared statements stay on a connection, because its session does.
pub(super) fn keeps_statements(connection: &mut Connection) -> bool {
    nature(connection).is_some_and(|nature| nature.proxy == Proxy::None)
}

/// Whether the connection is as it was opened: a host that sets its instrumentation by Diesel replaces [`Nature`].
pub(super) fn is_as_opened(connection: &mut Connection) -> bool {
    nature(connection).is_some()
}

/// Notes whether the open transaction misses commits that are made after its beginning.
pub(super) fn set_blind(connection: &mut Connection, is_blind: bool) {
    if let Some(nature) = connection.instrumentation().downcast_mut::<Nature>() {
        nature.is_blind = is_blind;
    }
}

/// Whether the open transaction may miss commits that were made after it began.
pub(super) fn is_blind(connection: &mut Connection) -> bool {
    nature(connection).is_none_or(|nature| nature.is_blind)
}

/// The settings of the connection's opening, as statements.
pub(super) fn settings_of(connection: &mut Connection) -> &'static str {
    if keeps_statements(connection) { SETTINGS } else { TIME_ZONE }
}

fn nature(connection: &mut Connection) -> Option<&Nature> {
    connection.instrumentation().downcast_ref::<Nature>()
}

type SetUp = Result<Connection, Box<dyn std::error::Error + Send + Sync>>;

async fn set_up<S>(client: Client, driver: Driver<Socket, S>) -> SetUp
where
    S: TlsStream + Unpin + Send + 'static,
{
    let mut connection = AsyncPgConnection::try_from_client_and_connection(client, driver).await?;
    connection.batch_execute(SERVER_KEEPALIVES).await?;
    Ok(connection)
}

/// Diesel prepares every statement under a name that only the preparing session knows. Inside a transaction the session
/// stays the same; and without a cache the name is given up before the transaction ends.
async fn set_up_by_proxy<S>(client: Client, mut driver: Driver<Socket, S>) -> SetUp
where
    S: TlsStream + Unpin + Send + 'static,
{
    tokio::select! {
        begun = client.batch_execute("BEGIN") => begun?,
        ended = &mut driver => return Err(ended.map_or_else(Into::into, |()| "the server hung up".into())),
    }
    let mut connection = AsyncPgConnection::try_from_client_and_connection(client, driver).await?;
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    connection.batch_execute("COMMIT").await?;
    Ok(connection)
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
