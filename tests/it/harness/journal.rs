use std::path::Path;

/// A line of the journal that the handlers of `fault-host` write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalEntry {
    pub(crate) kind: EntryKind,
    pub(crate) handler: String,
    pub(crate) delivery: i64,
    pub(crate) result: String,
    pub(crate) version: i64,
    pub(crate) attempt: i32,
    pub(crate) process: i64,
    pub(crate) key: String,
}

/// The point that an attempt had come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
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

impl JournalEntry {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, handler, delivery, result, version, attempt, process, key] = fields[..] else {
            panic!("a line of the journal that is none: {line}");
        };
        Self {
            kind: match kind {
                "start" => EntryKind::Start,
                "hold" => EntryKind::Hold,
                "call" => EntryKind::Call,
                "end" => EntryKind::End,
                "discarded" => EntryKind::Discarded,
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
pub(super) fn read_journal(journal: &Path) -> Vec<JournalEntry> {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    // A line that is being written at this moment has no end yet.
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(JournalEntry::parse).collect()
}
