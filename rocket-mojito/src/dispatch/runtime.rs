use std::io;

use mojito_schema::let_thread_block;
use tokio::runtime::{Builder, Handle, Runtime};

/// The maximum number of threads: the maximum of Rocket's runtime for blocking calls.
const MAX_THREADS: usize = 512;

/// The runtime of the handlers and their executors: a handler that blocks its thread holds up only handlers.
///
/// Each attempt that may run at once has a thread, and so has each executor, each handler's hook and a rehearsal. So an attempt can
/// always run once it gets its turn to write or its connection, whatever other attempts do. Otherwise it would keep its
/// turn from the recorder.
pub(crate) struct HandlerRuntime(Option<Runtime>);

impl HandlerRuntime {
    /// Starts so many threads. Database calls may block them.
    ///
    /// # Errors
    ///
    /// When the system gives no threads.
    pub fn start(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("mojito-handler")
            .on_thread_start(let_thread_block)
            .worker_threads(threads.clamp(1, MAX_THREADS))
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("there until it is dropped").handle()
    }
}

/// Shuts the runtime down without waiting. A handler that blocks its thread would hold up the drop, and a drop inside a
/// task must not wait.
impl Drop for HandlerRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
