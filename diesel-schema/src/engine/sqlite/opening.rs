use std::convert::Infallible;
use std::time::Duration;

use super::files::DatabaseFiles;
use super::{Db, Sqlite, Wrapper, connection, migrations, record};
use crate::OpenError;
use crate::engine::host_migrations::HostMigrations;
use crate::engine::opening::{Open, Opening};

impl Opening<Wrapper> for Sqlite {
    type Dialect = Db;
    type Files = DatabaseFiles;
    type Notifier = Infallible;

    const SINGLE_WRITER: bool = true;

    fn shared_url(url: &str) -> String {
        connection::shared_url(url)
    }

    async fn open(url: &str, open: Open) -> Result<Wrapper, OpenError> {
        connection::open(url, open).await
    }

    async fn lives(_: &mut Wrapper, _: Duration) -> bool {
        // No network is in between.
        true
    }

    async fn open_files(url: &str) -> Result<Option<DatabaseFiles>, OpenError> {
        DatabaseFiles::open(url, connection::open(url, Open::ForVerbs).await?).await.map(Some)
    }

    async fn open_notifier(_: &str) -> Result<Option<Infallible>, OpenError> {
        Ok(None)
    }

    async fn inspect(connection: &mut Wrapper, allow_ephemeral: bool) -> Result<(), OpenError> {
        connection::inspect(connection, allow_ephemeral).await
    }

    async fn migrate(connection: &mut Wrapper) -> Result<(), OpenError> {
        migrations::run(connection).await
    }

    async fn migrate_host(connection: Wrapper, host: HostMigrations<Db>) -> Result<(), OpenError> {
        migrations::run_host(connection, host).await
    }

    async fn pending_migrations(connection: &mut Wrapper) -> Result<Vec<String>, OpenError> {
        migrations::pending(connection).await
    }

    async fn mend_ids(connection: &mut Wrapper) -> Result<(), OpenError> {
        let mended = connection.spawn_blocking(|c| record::mend_ids(c)).await;
        mended.map_err(|error| OpenError::because("the ids of the SQLite file cannot be compared with its rows", error))
    }
}
