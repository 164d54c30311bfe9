use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::Connection;
use crate::error::OpenError;

pub(super) async fn open(url: &str) -> Result<Connection, OpenError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(OpenError::new(
            "not the URL of a Postgres database: set `url` to `postgres://user:password@host/name`",
        ));
    }
    AsyncPgConnection::establish(url)
        .await
        .map_err(|error| OpenError::because("the Postgres database cannot be reached", error))
}

pub(super) async fn inspect(connection: &mut Connection, allow_ephemeral: bool) -> Result<(), OpenError> {
    if allow_ephemeral {
        return Ok(());
    }
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let fsync: Row = diesel::sql_query("SELECT current_setting('fsync') AS value")
        .get_result(connection)
        .await
        .map_err(|error| OpenError::because("the Postgres settings cannot be read", error))?;
    if fsync.value != "on" {
        return Err(OpenError::new(
            "Postgres with `fsync = off`, which loses deliveries at a power cut: switch it on \
             (or set `mojito.allow_ephemeral = true` in a test)",
        ));
    }
    Ok(())
}
