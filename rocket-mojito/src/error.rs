use std::error::Error as StdError;
use std::fmt;

use mojito_schema::OpenError;

/// The cause of a launch that failed, or of an operator's request that was not carried out.
///
/// The text names the value that was found, and the remedy. It holds no secret, no URL and nothing of a candidate.
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Config(String),
    Database { setting: String, source: OpenError },
    Unavailable(&'static str),
    Refused(String),
    Stopped(&'static str),
}

impl Error {
    /// Whether a setting is missing or wrong.
    pub fn is_config(&self) -> bool {
        matches!(*self.0, Kind::Config(_))
    }

    /// Whether the database cannot be reached, or cannot keep the plugin's promises.
    pub fn is_unavailable(&self) -> bool {
        matches!(*self.0, Kind::Database { .. } | Kind::Unavailable(_))
    }

    /// Whether an operator's request was refused for its content. Nothing was changed.
    pub fn is_refused(&self) -> bool {
        matches!(*self.0, Kind::Refused(_))
    }

    /// Whether an action ended before its end, between two steps: it was cancelled, or another process took it over. Its
    /// row in the audit says how far it came.
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.0, Kind::Stopped(_))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Config(message.into())))
    }

    pub(crate) fn database(setting: impl Into<String>, source: OpenError) -> Self {
        Self(Box::new(Kind::Database { setting: setting.into(), source }))
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Refused(message.into())))
    }

    pub(crate) fn stopped(what: &'static str) -> Self {
        Self(Box::new(Kind::Stopped(what)))
    }

    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self(Box::new(Kind::Unavailable(what)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Config(message) | Kind::Refused(message) => f.write_str(message),
            Kind::Database { setting, source } => write!(f, "`{setting}`: {source}"),
            Kind::Stopped(what) => {
                write!(f, "{what}: it was cancelled, or another process took it over; see the audit")
            }
            Kind::Unavailable(what) => write!(f, "{what}: the database did not answer; try again"),
        }
    }
}

// A launch that fails prints its error with `Debug`, where the sentence is more use than the structure.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Database { source, .. } => Some(source),
            Kind::Config(_) | Kind::Refused(_) | Kind::Stopped(_) | Kind::Unavailable(_) => None,
        }
    }
}
