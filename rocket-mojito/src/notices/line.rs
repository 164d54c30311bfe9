use tracing::Level;

/// One line of the log. It contains ids, names of endpoints and handlers, codes and counts, and no content of a
/// delivery.
///
/// A field that is `None` is not written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub level: Level,
    pub text: &'static str,
    pub endpoint: Option<String>,
    pub handler: Option<String>,
    pub code: Option<&'static str>,
    pub cause: Option<&'static str>,
    pub standing: Option<&'static str>,
    pub outcome: Option<&'static str>,
    pub task: Option<&'static str>,
    /// The database's error, in words of ours.
    pub fault: Option<String>,
    pub delivery: Option<i64>,
    pub attempt: Option<i32>,
    pub count: Option<u64>,
    pub hours: Option<u64>,
    pub discarded: Option<u64>,
    pub quarantined: Option<u64>,
    pub unattached: Option<u64>,
    /// The number of further notices of this kind without a line of their own.
    pub left_out: u64,
}

/// The kind of a line: at most one line of a kind is written in a minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    text: &'static str,
    endpoint: Option<String>,
    handler: Option<String>,
    cause: Option<&'static str>,
    task: Option<&'static str>,
    fault: Option<String>,
}

impl Line {
    pub fn new(level: Level, text: &'static str) -> Self {
        Self {
            level,
            text,
            endpoint: None,
            handler: None,
            code: None,
            cause: None,
            standing: None,
            outcome: None,
            task: None,
            fault: None,
            delivery: None,
            attempt: None,
            count: None,
            hours: None,
            discarded: None,
            quarantined: None,
            unattached: None,
            left_out: 0,
        }
    }

    pub fn key(&self) -> Key {
        Key {
            // Many callers meet one fault, each with a text of its own.
            text: if self.fault.is_some() { "" } else { self.text },
            endpoint: self.endpoint.clone(),
            handler: self.handler.clone(),
            cause: self.cause,
            task: self.task,
            fault: self.fault.clone(),
        }
    }

    /// Hands the line to the host's subscriber, or to the logger if there is no subscriber. Blocks for as long as that
    /// does.
    pub fn write(&self) {
        match self.level {
            Level::ERROR => self.write_error(),
            Level::WARN => self.write_warning(),
            Level::INFO => self.write_information(),
            _ => self.write_detail(),
        }
    }
}

/// Tracing takes the level and the field names as constants of the call site.
macro_rules! write_at {
    ($name:ident, $level:expr) => {
        impl Line {
            fn $name(&self) {
                tracing::event!(
                    target: "rocket_mojito",
                    $level,
                    endpoint = self.endpoint.as_deref(),
                    handler = self.handler.as_deref(),
                    code = self.code,
                    cause = self.cause,
                    standing = self.standing,
                    outcome = self.outcome,
                    task = self.task,
                    fault = self.fault.as_deref(),
                    delivery = self.delivery,
                    attempt = self.attempt,
                    count = self.count,
                    hours = self.hours,
                    discarded = self.discarded,
                    quarantined = self.quarantined,
                    unattached = self.unattached,
                    left_out = Some(self.left_out).filter(|left_out| *left_out > 0),
                    "{}",
                    self.text
                );
            }
        }
    };
}

write_at!(write_error, Level::ERROR);
write_at!(write_warning, Level::WARN);
write_at!(write_information, Level::INFO);
write_at!(write_detail, Level::DEBUG);
