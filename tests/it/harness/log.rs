use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// Everything that a host says which is launched on this thread while it lives, and what is logged on this thread itself. A
/// host has a thread that writes: all is there once it has stopped.
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Log {
    /// Sets the one subscriber of the process, before anything can be logged. One per thread alone would not do: what is
    /// first logged on a thread without one, tracing takes for unwanted everywhere.
    pub(crate) fn install() {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| tracing::subscriber::set_global_default(Collector(None)).unwrap());
    }

    pub(crate) fn capture() -> Self {
        Self::install();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let _guard = tracing::subscriber::set_default(Collector(Some(Arc::clone(&lines))));
        Self { lines, _guard }
    }

    /// Every event so far, a line each: level, message, fields.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How often something happened by these lines: each stands for one, and for what it has left out.
    pub(crate) fn told<'l>(lines: impl IntoIterator<Item = &'l str>, text: &str) -> u64 {
        lines.into_iter().filter(|line| line.contains(text)).map(|line| 1 + left_out(line)).sum()
    }
}

fn left_out(line: &str) -> u64 {
    let (_, count) = line.split_once("left_out=").unwrap_or_default();
    count.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Keeps lines where a test reads them.
struct Collector(Option<Arc<Mutex<Vec<String>>>>);

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        if let Some(lines) = &self.0 {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            lines.lock().unwrap().push(line.0);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.unwrap();
    }
}
