use std::pin::pin;

use diesel::define_sql_function;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::{QueryResult, sql_types};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;

use super::{Connection, connection};
use crate::engine::open_error::OpenError;

/// The channel of the server on which processes notify each other of work.
const CHANNEL: &str = "mojito_work";

define_sql_function! {
    /// Notifies every listener of a channel, when the transaction commits.
    fn pg_notify(channel: sql_types::Text, payload: sql_types::Text);
}

pub(super) async fn listen(url: &str) -> Result<Connection, OpenError> {
    let mut connection = connection::open(url).await?;
    let listening = connection.batch_execute(&format!("LISTEN {CHANNEL}")).await;
    listening.map_err(|error| OpenError::because("the Postgres server lets nobody listen", error))?;
    Ok(connection)
}

/// A transaction of its own, which writes nothing. The server commits notifications one at a time, so recorders that
/// notify would wait for each other's fsync.
pub(super) async fn notify(connection: &mut Connection, from: &str) -> QueryResult<()> {
    diesel::select(pg_notify(CHANNEL, from)).execute(connection).await.map(drop)
}

pub(super) async fn notified(connection: &mut Connection) -> QueryResult<String> {
    let mut notifications = pin!(connection.notifications_stream());
    match notifications.next().await {
        Some(notification) => Ok(notification?.payload),
        None => {
            let reason = "the connection is closed".to_owned();
            Err(Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(reason)))
        }
    }
}
