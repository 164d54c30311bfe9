use std::error::Error as StdError;
use std::fmt;

use mojito_schema::OpenError;

/// Why the plugin cannot start, or why an operator's request was not carried out.
///
/// The text says what was found and what would do. It holds no secret, no URL and nothing of a candidate.
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Config(String),
    Database { setting: String, source: OpenError },
    Unavailable(&'static str),
    Refused(String),
}

impl Error {
    /// Whether a setting is missing or wrong.
    pub fn is_config(&self) -> bool {
        matches!(*self.0, Kind::Config(_))
    }

    /// Whether the database cannot be reached, or is not fit to keep promises in.
    pub fn is_unavailable(&self) -> bool {
        matches!(*self.0, Kind::Database { .. } | Kind::Unavailable(_))
    }

    /// Whether an operator's request was not carried out because of what it asks for. Nothing was touched.
    pub fn is_refused(&self) -> bool {
        matches!(*self.0, Kind::Refused(_))
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

    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self(Box::new(Kind::Unavailable(what)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Config(message) | Kind::Refused(message) => f.write_str(message),
            Kind::Database { setting, source } => write!(f, "`{setting}`: {source}"),
            Kind::Unavailable(what) => write!(f, "{what}: the database did not answer; try again"),
        }
    }
}

// A launch that fails prints its error with `Debug`: the sentence is more use there than the structure.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Database { source, .. } => Some(source),
            Kind::Config(_) | Kind::Refused(_) | Kind::Unavailable(_) => None,
        }
    }
}
