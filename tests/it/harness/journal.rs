use std::path::Path;

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
    /// It waits within its transaction.
    Hold,
    /// It did something elsewhere.
    Call,
    /// It is about to answer `Ok`.
    End,
    /// It is told that its work failed for good.
    Discarded,
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
                "hold" => What::Hold,
                "call" => What::Call,
                "end" => What::End,
                "discarded" => What::Discarded,
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

/// Every run of a handler, in the order in which they happened.
pub(super) fn notes_in(journal: &Path) -> Vec<Note> {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    // A line that is being written at this moment has no end yet.
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(Note::parse).collect()
}
