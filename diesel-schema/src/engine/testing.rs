use std::future::Future;
use std::time::Duration;

use diesel::QueryResult;

use crate::{Claim, State, Timestamp};

/// The part of a [`Backend`](crate::Backend) for hosts' tests. `C` is the backend's connection. No launched host calls
/// these verbs.
pub trait Testing<C> {
    /// Claims one piece of work for a handler, whatever its state and its place in the line. Finished work is replayed
    /// from its first attempt. Running work has lost its process. Work that does not exist is made.
    ///
    /// # Errors
    ///
    /// The database's errors, and `NotFound` for a delivery that is unknown or quarantined. Then nothing is claimed.
    fn claim_one(
        connection: &mut C,
        work: (i64, String),
        max_attempts: i32,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Claim>> + Send;

    /// The state of a piece of work, if it exists.
    fn state_of(connection: &mut C, work: (i64, String)) -> impl Future<Output = QueryResult<Option<State>>> + Send;

    /// Moves every moment of the table of work into the past by `by`, in whole seconds. For leases and due times that is
    /// the same as a clock that is put forward.
    fn advance_clock(connection: &mut C, by: Duration) -> impl Future<Output = QueryResult<()>> + Send;

    /// The host's own tables by name, each with its rows as JSON objects.
    fn host_tables(connection: &mut C) -> impl Future<Output = QueryResult<Vec<(String, Vec<String>)>>> + Send;

    /// Skips some values of the host's sequences, as rolled back transactions do. No effect where the database has no
    /// sequences.
    fn skip_ids(connection: &mut C) -> impl Future<Output = QueryResult<()>> + Send;

    /// Calls `told` after each statement on the connection, which is only fit to be closed afterwards.
    fn after_each_statement(connection: &mut C, told: Box<dyn FnMut() + Send>);
}

/// Diesel's hook for statements, which passes on the end of each.
pub(super) struct AfterEachStatement(pub(super) Box<dyn FnMut() + Send>);

impl diesel::connection::Instrumentation for AfterEachStatement {
    fn on_connection_event(&mut self, event: diesel::connection::InstrumentationEvent<'_>) {
        if let diesel::connection::InstrumentationEvent::FinishQuery { .. } = event {
            (self.0)();
        }
    }
}

/// A row of one text.
#[derive(diesel::QueryableByName)]
pub(super) struct TextRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub(super) value: String,
}
