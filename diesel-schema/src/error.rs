use std::error::Error;
use std::fmt;

/// Why a database cannot be used: what was found, and what would do.
///
/// Neither message nor source holds the database's URL: it may hold a password.
#[derive(Debug)]
pub struct OpenError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl OpenError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// No connection was free or could be made in time.
    pub fn no_connection(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because("no connection to the database in time", cause)
    }

    /// The tables are not there, or not the ones that this program knows.
    pub fn not_migrated(pending: &[String]) -> Self {
        let pending = pending.join("`, `");
        Self::new(format!(
            "the migrations `{pending}` have not run: launch once with `mojito.migrate = true`, or run them yourself"
        ))
    }

    pub(crate) fn because(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
