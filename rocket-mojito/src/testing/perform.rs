use mojito_schema::Backend;

use super::TestDatabase;
use crate::dispatch::{MojitoHandler, Performed};
use crate::{Error, Event};

/// Runs one attempt of a handler on an event, as the dispatcher does, and gives back its outcome.
///
/// The event is recorded as a delivery, and the handler's work on it is claimed. That is a row of its own, with a
/// fence, a key and an attempt's number. So the handler sees the event as the database tells it: version, changes and
/// the former version come from the stored deliveries. An example that comes
/// [`after`](super::ExampleEvent::after) another has that one stored first, as handled.
///
/// `Ok` commits the transaction together with the "done" mark. Everything else rolls it back: an error, a panic, or no
/// answer within [`handler_timeout`](TestDatabase::handler_timeout). The same event again is the next attempt, or a
/// replay where the work has ended. The place in the line does not matter, nor does the time of the next attempt.
///
/// The attempt runs in the caller's task. A handler that blocks its thread blocks the test.
///
/// # Errors
///
/// When the database does not answer. An error of the handler is an outcome.
///
/// # Cancellation
///
/// If the future is dropped half-way, the transaction is rolled back, and the next call is the next attempt.
pub async fn perform<B, H>(handler: &H, event: &Event, database: &mut TestDatabase<B>) -> Result<Performed, Error>
where
    B: Backend,
    H: MojitoHandler<B>,
{
    database.attach(handler).await?;
    let recorded = database.record(handler, event).await?;
    database.attempt(handler, recorded.delivery_id).await
}
