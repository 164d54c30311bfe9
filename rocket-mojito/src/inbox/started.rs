use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Error;
use crate::store::{Started as Task, Unavailable};

/// An action that was started, in a task of its own. It goes on without its caller.
pub(crate) struct Started<R> {
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line alone asks for it"))]
    id: Option<i64>,
    outcome: BoxFuture<'static, Result<R, Error>>,
}

impl<R: Send + 'static> Started<R> {
    pub fn new<E>(task: Task<R, E>, error: fn(E) -> Error) -> Self
    where
        E: From<Unavailable> + Send + 'static,
    {
        Self { id: task.id(), outcome: task.outcome().map(move |outcome| outcome.map_err(error)).boxed() }
    }

    /// The action's id in the audit. None where it ended before it stood there.
    #[cfg(feature = "cli")]
    pub fn id(&self) -> Option<i64> {
        self.id
    }

    /// The outcome.
    pub async fn outcome(self) -> Result<R, Error> {
        self.outcome.await
    }
}
