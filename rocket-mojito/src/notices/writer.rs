use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{io, thread};

use tracing::dispatcher::{Dispatch, get_default, with_default};
use tracing::subscriber::NoSubscriber;

use super::queue::Queue;

/// Starts the thread that writes the queue's lines, until the queue is closed and empty. The caller's subscriber gets
/// the lines.
pub(super) fn start(queue: Arc<Queue>) -> io::Result<()> {
    let subscriber = get_default(Dispatch::clone);
    let write = move || {
        while let Some(line) = queue.next() {
            // A host's subscriber may panic, and so does `print!` once its pipe has no reader.
            let _ = catch_unwind(AssertUnwindSafe(|| line.write()));
        }
    };
    // Without a subscriber tracing hands lines to the logger, but no longer once any subscriber was ever set.
    let write: Box<dyn FnOnce() + Send> = if subscriber.is::<NoSubscriber>() {
        Box::new(write)
    } else {
        Box::new(move || with_default(&subscriber, write))
    };
    thread::Builder::new().name("mojito-log".to_owned()).spawn(write).map(drop)
}
