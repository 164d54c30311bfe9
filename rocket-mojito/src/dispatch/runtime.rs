use std::io;

use mojito_schema::Backend;
use tokio::runtime::{Builder, Handle, Runtime};

/// How many threads there are at most: as many as Rocket's runtime has at most for calls that block.
const MAX_THREADS: usize = 512;

/// The runtime that handlers run on, with their executors: one that blocks its thread holds up handlers alone.
///
/// Each attempt that may run at once has a thread, each executor, and each handler's hook. So one whose turn to write or whose connection has come can always take
/// it, whatever the others do: else it would keep the turn from those that record.
pub(crate) struct HandlerRuntime(Option<Runtime>);

impl HandlerRuntime {
    /// Starts so many threads. Calls to the database that block may block it.
    ///
    /// # Errors
    ///
    /// When the system gives no threads.
    pub fn start<B: Backend>(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("mojito-handler")
            .on_thread_start(B::let_thread_block)
            .worker_threads(threads.clamp(1, MAX_THREADS))
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("there until it is dropped").handle()
    }
}

/// Ends it without waiting. A handler that blocks its thread would keep whoever waits; and nobody may wait in a task.
impl Drop for HandlerRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
