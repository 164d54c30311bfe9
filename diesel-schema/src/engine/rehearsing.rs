use std::future::Future;
use std::time::Duration;

use diesel::QueryResult;

use crate::{Left, Line, NotCommitted, Preview, TableChange};

/// The part of a [`Backend`](crate::Backend) for rehearsals: a handler's transaction that is never committed. `C` is
/// the backend's connection.
pub trait Rehearsing<C> {
    /// A delivery as its handler would claim it. `None` where it is gone, or in quarantine.
    fn preview(
        connection: &mut C,
        delivery_id: i64,
        handler: String,
    ) -> impl Future<Output = QueryResult<Option<Preview>>> + Send;

    /// Opens a handler's transaction without a fence and a mark, and begins to count the rows that it changes. `false`
    /// where work of the line is leased: then no transaction is open. A server ends the transaction once it has stood
    /// still for `pause`.
    ///
    /// [`end_rehearsal`](Self::end_rehearsal) or [`rollback`](crate::WorkQueue::rollback) ends it.
    ///
    /// # Errors
    ///
    /// The database's errors; then no transaction is open, or the connection is only fit to be closed.
    fn begin_rehearsal(
        connection: &mut C,
        line: Line,
        pause: Duration,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Checks whether the transaction would be committed, counts the rows that it has changed, and rolls it back.
    ///
    /// # Errors
    ///
    /// The reason why it would not be committed; then the connection is only fit to be closed, which rolls it back.
    fn end_rehearsal(connection: &mut C, line: Line) -> impl Future<Output = Result<RolledBack, NotCommitted>> + Send;
}

/// The end of a rehearsal's transaction, which would have been committed and was rolled back.
#[derive(Debug, Clone)]
pub struct RolledBack {
    /// The tables with changed rows, by name.
    pub changes: Vec<TableChange>,
    /// Whether work of the same line was leased meanwhile.
    pub is_leased: bool,
    /// The state of the connection.
    pub left: Left,
}
