use std::convert::Infallible;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::PoolableConnection;

use super::notify::Notifier;
use super::{Connection, Db, Postgres, connection, ids, migrations};
use crate::OpenError;
use crate::engine::host_migrations::HostMigrations;
use crate::engine::opening::{Open, Opening};

/// How long a connection rests before it is pinged, and how long its answer may take.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(1);

impl Opening<Connection> for Postgres {
    type Dialect = Db;
    type Files = Infallible;
    type Notifier = Notifier;

    const SINGLE_WRITER: bool = false;

    fn shared_url(url: &str) -> String {
        url.to_owned()
    }

    async fn open(url: &str, _: Open) -> Result<Connection, OpenError> {
        connection::open(url).await
    }

    async fn lives(connection: &mut Connection, rest: Duration) -> bool {
        // An end that the server has reported is known at once. A network may have forgotten the connection without a
        // report.
        !connection.is_broken()
            && (rest < PING_INTERVAL
                || matches!(tokio::time::timeout(PING_TIMEOUT, connection.batch_execute("SELECT 1")).await, Ok(Ok(()))))
    }

    async fn open_files(_: &str) -> Result<Option<Infallible>, OpenError> {
        Ok(None)
    }

    async fn open_notifier(url: &str) -> Result<Option<Notifier>, OpenError> {
        Notifier::open(url).await
    }

    async fn inspect(connection: &mut Connection, allow_ephemeral: bool) -> Result<(), OpenError> {
        connection::inspect(connection, allow_ephemeral).await
    }

    async fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
        migrations::run(connection).await
    }

    async fn migrate_host(connection: Connection, host: HostMigrations<Db>) -> Result<(), OpenError> {
        migrations::run_host(connection, host).await
    }

    async fn pending_migrations(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
        migrations::pending(connection).await
    }

    async fn mend_ids(connection: &mut Connection) -> Result<(), OpenError> {
        ids::mend(connection).await.map_err(|error| OpenError::because(ids::UNMENDED, error))
    }
}
