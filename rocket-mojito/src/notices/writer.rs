use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{io, thread};

use tracing::dispatcher::{Dispatch, get_default, with_default};
use tracing::subscriber::NoSubscriber;

use super::queue::Queue;

/// Starts the thread that writes what is put into the queue, until that is closed and empty. Whoever starts it decides
/// which subscriber hears the lines.
pub(super) fn start(queue: Arc<Queue>) -> io::Result<()> {
    let subscriber = get_default(Dispatch::clone);
    let write = move || {
        while let Some(line) = queue.next() {
            // A subscriber of the host's may panic, and so does `print!` once nobody can read any more.
            let _ = catch_unwind(AssertUnwindSafe(|| line.write()));
        }
    };
    // Without a subscriber tracing hands on to the logger, and no longer does where one was ever set.
    let write: Box<dyn FnOnce() + Send> = if subscriber.is::<NoSubscriber>() {
        Box::new(write)
    } else {
        Box::new(move || with_default(&subscriber, write))
    };
    thread::Builder::new().name("mojito-log".to_owned()).spawn(write).map(drop)
}
