use std::error::Error;
use std::fmt;

/// Why a database cannot be used: the finding, its cause and the remedy.
///
/// The message holds its causes too, since code that logs a pool's error asks for no `source`. It never holds the
/// database's URL, which may hold a password.
#[derive(Debug)]
pub struct OpenError {
    message: String,
}

impl OpenError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// No connection was free or could be made in time.
    pub fn no_connection(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because("no connection to the database in time", cause)
    }

    /// The tables do not exist, or are not the tables that this program knows.
    pub fn not_migrated(pending: &[String]) -> Self {
        let pending = pending.join("`, `");
        Self::new(format!(
            "the migrations `{pending}` have not run: launch once with `mojito.migrate = true`, or run them yourself"
        ))
    }

    /// The handlers of this process could not be entered.
    pub fn not_attached(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::because("the handlers cannot be entered in the tables", cause)
    }

    /// The tables could not be read.
    pub fn not_read(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::because("the tables cannot be read", cause)
    }

    pub(crate) fn because(message: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause: Box<dyn Error + Send + Sync> = cause.into();
        let mut message = message.into();
        let causes = std::iter::successors(Some(&*cause as &(dyn Error + 'static)), |&error| error.source());
        for cause in causes {
            message.push_str(": ");
            message.push_str(&cause.to_string());
        }
        Self { message }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OpenError {}
