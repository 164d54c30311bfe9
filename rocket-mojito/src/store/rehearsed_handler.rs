use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, Claim, TableChange};

use super::{Database, ErasedHook};
use crate::rehearsal::Answer;

/// The handlers of this process, as operators' actions call them: those with a hook of an erasure, and all of them in a
/// rehearsal.
pub(crate) type CalledHandlers<B> = (Vec<Arc<dyn ErasedHook<B>>>, Vec<Arc<dyn RehearsedHandler<B>>>);

/// A handler of this process, as a rehearsal sees it.
#[rocket::async_trait]
pub(crate) trait RehearsedHandler<B: Backend>: Send + Sync {
    /// The handler's name.
    fn name(&self) -> String;

    /// How long the handler may take for one delivery.
    fn timeout(&self) -> Duration;

    /// Runs the handler on a delivery, in a transaction that is rolled back. Returns its answer, and the rows that it
    /// would have changed.
    ///
    /// # Cancellation
    ///
    /// The run goes on, and is rolled back all the same.
    async fn rehearse(&self, database: Arc<Database<B>>, claim: Claim) -> (Answer, Vec<TableChange>);
}
