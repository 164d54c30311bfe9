use std::future::Future;
use std::sync::Arc;

use diesel::QueryResult;

use crate::{NewDelivery, Recorded, Timestamp};

/// The part of a [`Backend`](crate::Backend) for the recorder: senders of deliveries wait for it. `C` is the backend's
/// connection.
pub trait Recording<C> {
    /// Records a batch in one transaction, as if each member were recorded alone, in order. Each handler that any
    /// process has [attached](crate::Operations::attach) gets work, unless it is retired.
    ///
    /// `None` for each member that was set aside: it needs a lock of another transaction, and can be tried again. All
    /// members of one result are set aside together, or none.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing is recorded.
    fn record(
        connection: &mut C,
        batch: Arc<Vec<NewDelivery>>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<Option<Recorded>>>> + Send;

    /// Records a delivery, with every check of the database, and rolls it back: whether the database takes deliveries.
    ///
    /// # Errors
    ///
    /// The database's errors; then it takes none.
    fn try_record(
        connection: &mut C,
        delivery: NewDelivery,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<()>> + Send;

    /// Commits a transaction that changes nothing: whether a database that was in trouble takes commits again.
    fn prove(connection: &mut C) -> impl Future<Output = QueryResult<()>> + Send;
}
