use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Requests, Unavailable};

/// Runs each operation in a task of its own, so that no caller can cancel it half-way. The task runs on Rocket's
/// runtime, also where a handler calls.
#[derive(Clone)]
pub(crate) struct OperationTasks {
    operations: Arc<dyn Requests>,
    runtime: Handle,
}

impl OperationTasks {
    pub fn new(operations: impl Requests + 'static, runtime: Handle) -> Self {
        Self { operations: Arc::new(operations), runtime }
    }

    /// The outcome of an operation. Dropping the future cancels nothing.
    pub async fn run<R, E, F>(&self, operation: impl FnOnce(Arc<dyn Requests>) -> F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        let task = self.runtime.spawn(operation(Arc::clone(&self.operations)));
        task.await.unwrap_or_else(|_| Err(Unavailable::Stopping.into()))
    }
}
