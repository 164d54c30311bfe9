use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Requests, Unavailable};

/// Runs each operation in a task of its own, so that no caller can cancel it half-way. The task runs on Rocket's
/// runtime, also where a handler calls.
#[derive(Clone)]
pub(crate) struct OperationTasks {
    operations: Arc<dyn Requests>,
    runtime: Handle,
}

/// Tells the caller of an action its id, once it is in the audit.
pub(crate) struct Begun(oneshot::Sender<i64>);

impl Begun {
    pub fn tell(self, audit_id: i64) {
        // The caller may not want to know.
        let _ = self.0.send(audit_id);
    }
}

/// An action in a task of its own.
pub(crate) struct Started<R, E> {
    audit_id: Option<i64>,
    task: JoinHandle<Result<R, E>>,
}

impl<R, E: From<Unavailable>> Started<R, E> {
    /// The action's id in the audit. None where it ended before it stood there.
    pub fn id(&self) -> Option<i64> {
        self.audit_id
    }

    /// The outcome. Dropping the future cancels nothing.
    pub async fn outcome(self) -> Result<R, E> {
        self.task.await.unwrap_or_else(|_| Err(Unavailable::Stopping.into()))
    }
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

    /// Starts an action, and waits until it stands in the audit. Dropping the future cancels nothing.
    pub async fn start<R, E, F>(&self, action: impl FnOnce(Arc<dyn Requests>, Begun) -> F) -> Started<R, E>
    where
        R: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        let (begun, audit_id) = oneshot::channel();
        let task = self.runtime.spawn(action(Arc::clone(&self.operations), Begun(begun)));
        Started { audit_id: audit_id.await.ok(), task }
    }

    /// Takes over an action of a process that died, in a task of its own.
    pub fn take_over(&self) {
        let operations = Arc::clone(&self.operations);
        self.runtime.spawn(async move { operations.take_over().await });
    }
}
