use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::notice::{Notice, Scope};
use super::queue::Queue;
use super::writer;

/// The interval between two lines of a kind.
const THROTTLE_INTERVAL: Duration = Duration::from_secs(60);

/// The time that a shutdown waits for the log's reader. Rocket's own limit is a second after everything else.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Logs notices for a person. A cheap handle; the writing thread ends with the last handle.
#[derive(Clone)]
pub(crate) struct Notices(Arc<Open>);

struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Notices {
    /// Starts the writing thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        Self::start_with(THROTTLE_INTERVAL)
    }

    fn start_with(interval: Duration) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(interval));
        writer::start(Arc::clone(&queue))?;
        Ok(Self(Arc::new(Open(queue))))
    }

    /// Logs a notice, unless one of its kind was logged within a minute. Then it is counted, and the count is logged
    /// later.
    pub fn say(&self, notice: Notice) {
        let (line, scope) = notice.into_line();
        self.0.0.push(line, scope);
    }

    /// Logs a notice at the level DEBUG. The closure is not called if nothing takes that level.
    pub fn detail(&self, notice: impl FnOnce() -> Notice) {
        if is_heard(Level::DEBUG) {
            self.say(notice());
        }
    }

    /// Notes that a scope fails. Its lines are written already.
    pub fn fails(&self, scope: Scope) {
        self.0.0.begin(scope);
    }

    /// Notes that a scope works. If it did not, `recovered` is logged. While every scope works, a call costs nothing.
    pub fn works(&self, scope: impl FnOnce() -> Scope) {
        self.0.0.end(scope);
    }

    /// Ends the log: no further line is written.
    pub fn close(&self) {
        self.0.0.close();
    }

    /// Waits until every line is written, for at most half a second, since the log may have no reader.
    pub async fn flush(&self) {
        let _ = timeout(FLUSH_TIMEOUT, self.0.0.flush()).await;
    }
}

/// Whether a subscriber, or else the logger, may take lines of this level.
fn is_heard(level: Level) -> bool {
    level <= LevelFilter::current() || log::max_level() >= log::LevelFilter::Debug
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Mutex, mpsc};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// A log whose lines a test reads one by one.
    struct Pipe(Mutex<mpsc::Sender<String>>);

    struct End(mpsc::Sender<String>);

    impl Write for End {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Pipe {
        type Writer = End;

        fn make_writer(&'a self) -> End {
            End(self.0.lock().unwrap().clone())
        }
    }

    fn quarantined(delivery: i64) -> Notice {
        Notice::Quarantined { endpoint: "default".to_owned(), delivery }
    }

    #[test]
    fn the_count_comes_by_itself_once_the_interval_is_over() {
        let (lines, log) = mpsc::channel();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Pipe(Mutex::new(lines))).finish();
        let notices =
            tracing::subscriber::with_default(subscriber, || Notices::start_with(Duration::from_millis(200)).unwrap());

        for delivery in 1..=5 {
            notices.say(quarantined(delivery));
        }

        let read = || log.recv_timeout(Duration::from_secs(10)).unwrap();
        let (first, second) = (read(), read());
        assert!(first.contains("delivery=1") && !first.contains("left_out"), "{first}");
        assert!(second.contains("delivery=5") && second.contains("left_out=3"), "{second}");
    }

    #[test]
    fn the_thread_ends_with_the_last_handle_and_has_written_all() {
        let (lines, log) = mpsc::channel();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Pipe(Mutex::new(lines))).finish();
        let notices = tracing::subscriber::with_default(subscriber, || Notices::start().unwrap());
        let other = notices.clone();

        drop(notices);
        other.say(quarantined(1));
        other.say(quarantined(2));
        drop(other);

        let written: Vec<String> = log.iter().collect();
        assert_eq!(written.len(), 2, "{written:?}");
    }
}
