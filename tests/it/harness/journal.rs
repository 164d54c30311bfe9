use std::path::PathBuf;

use super::Database;

/// A line of the journal that the handlers of `fault-host` write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) what: What,
    pub(crate) handler: String,
    pub(crate) delivery: i64,
    pub(crate) result: String,
    pub(crate) version: i64,
    pub(crate) attempt: i32,
    pub(crate) process: i64,
    pub(crate) key: String,
}

/// What an attempt had come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The handler was entered.
    Start,
    /// It did something elsewhere.
    Call,
    /// It is about to answer `Ok`.
    End,
}

impl Note {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [what, handler, delivery, result, version, attempt, process, key] = fields[..] else {
            panic!("a line of the journal that is none: {line}");
        };
        Self {
            what: match what {
                "start" => What::Start,
                "call" => What::Call,
                "end" => What::End,
                _ => panic!("a line of the journal that is none: {line}"),
            },
            handler: handler.to_owned(),
            delivery: delivery.parse().unwrap(),
            result: result.to_owned(),
            version: version.parse().unwrap(),
            attempt: attempt.parse().unwrap(),
            process: process.parse().unwrap(),
            key: key.to_owned(),
        }
    }
}

impl Database {
    /// The file that processes on this database write their journal to.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder().join("journal")
    }

    /// Every run of a handler, in the order in which they happened.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let text = std::fs::read_to_string(self.journal()).unwrap_or_default();
        // A line that is being written at this moment has no end yet.
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(Note::parse).collect()
    }
}
