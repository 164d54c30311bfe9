use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rocket_mojito::Event;

/// A file that every run of a handler is written to, a line each. Processes share it: a line is appended as a whole.
pub(crate) struct Journal(File);

impl Journal {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::options().create(true).append(true).open(path).map(Self)
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Notes that an attempt starts, calls elsewhere or ends, or that the hook `discarded` is called.
    pub(crate) fn append(&self, kind: &str, handler: &str, event: &Event, attempt: i32, key: &str) -> io::Result<()> {
        let (delivery, version, process) = (event.delivery_id(), event.version().unwrap_or(0), std::process::id());
        let result = &event.payload().id;
        let line = format!("{kind}\t{handler}\t{delivery}\t{result}\t{version}\t{attempt}\t{process}\t{key}\n");
        (&self.0).write_all(line.as_bytes())
    }
}
