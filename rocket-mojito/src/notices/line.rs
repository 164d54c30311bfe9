use tracing::Level;

/// One line of the log. It holds ids, names of endpoints and handlers, codes and counts, and nothing of a delivery.
///
/// A field that is none is not written.
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
    /// What the database said, in words of ours.
    pub fault: Option<String>,
    pub delivery: Option<i64>,
    pub attempt: Option<i32>,
    pub count: Option<u64>,
    pub hours: Option<u64>,
    pub discarded: Option<u64>,
    pub quarantined: Option<u64>,
    pub unattached: Option<u64>,
    /// How many more there were of the kind that no line was written for.
    pub left_out: u64,
}

/// Which lines are of one kind: at most one of them is written in a minute.
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
            // One fault is met by many, each with a text of its own.
            text: if self.fault.is_some() { "" } else { self.text },
            endpoint: self.endpoint.clone(),
            handler: self.handler.clone(),
            cause: self.cause,
            task: self.task,
            fault: self.fault.clone(),
        }
    }

    /// Hands it to the host's subscriber, or to the logger where there is none. It takes as long as that does.
    pub fn write(&self) {
        match self.level {
            Level::ERROR => self.write_error(),
            Level::WARN => self.write_warning(),
            Level::INFO => self.write_information(),
            _ => self.write_detail(),
        }
    }
}

/// A level and the names of fields are part of the place in the code where tracing is called.
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
