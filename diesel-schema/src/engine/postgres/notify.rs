use std::pin::pin;

use diesel::define_sql_function;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::{QueryResult, sql_types};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;

use super::url::{Proxy, Url};
use super::{Connection, connection};
use crate::engine::notify::Notify;
use crate::engine::open_error::OpenError;

/// The channel of the server on which processes notify each other of work.
const CHANNEL: &str = "mojito_work";

define_sql_function! {
    /// Notifies every listener of a channel, when the transaction commits.
    fn pg_notify(channel: sql_types::Text, payload: sql_types::Text);
}

/// A connection that listens.
pub struct Notifier(Connection);

impl Notifier {
    /// Opens a connection that listens. `None` behind a proxy that hands each transaction to another session.
    pub(super) async fn open(url: &str) -> Result<Option<Self>, OpenError> {
        if Url::parse(url)?.proxy != Proxy::None {
            return Ok(None);
        }
        let mut connection = connection::open(url).await?;
        let listening = connection.batch_execute(&format!("LISTEN {CHANNEL}")).await;
        listening.map_err(|error| OpenError::because("the Postgres server lets nobody listen", error))?;
        Ok(Some(Self(connection)))
    }
}

impl Notify for Notifier {
    /// A transaction of its own, which writes nothing. The server commits notifications one at a time, so recorders that
    /// notify would wait for each other's fsync.
    async fn notify(&mut self, from: &str) -> QueryResult<()> {
        diesel::select(pg_notify(CHANNEL, from)).execute(&mut self.0).await.map(drop)
    }

    async fn notified(&mut self) -> QueryResult<String> {
        let mut notifications = pin!(self.0.notifications_stream());
        match notifications.next().await {
            Some(notification) => Ok(notification?.payload),
            None => {
                let reason = "the connection is closed".to_owned();
                Err(Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(reason)))
            }
        }
    }
}
