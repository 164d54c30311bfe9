use std::convert::Infallible;
use std::future::Future;

use diesel::QueryResult;

/// A connection on which processes notify each other of work.
pub trait Notify: Send + 'static {
    /// Notifies every listening process that there is work, this one too. `from` names the process that notifies.
    fn notify(&mut self, from: &str) -> impl Future<Output = QueryResult<()>> + Send;

    /// Waits for a notification, and gives back the name of the process that notified. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// When this connection can hear no notification any more. A silent network is no error: [notify](Self::notify) to
    /// see.
    fn notified(&mut self) -> impl Future<Output = QueryResult<String>> + Send;
}

impl Notify for Infallible {
    async fn notify(&mut self, _: &str) -> QueryResult<()> {
        match *self {}
    }

    async fn notified(&mut self) -> QueryResult<String> {
        match *self {}
    }
}
