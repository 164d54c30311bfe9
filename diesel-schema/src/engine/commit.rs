use std::error::Error as StdError;
use std::fmt;

use diesel::result::{DatabaseErrorKind, Error};

/// Why a handler's transaction was not committed. Its text is for operators, like a handler's error: it may quote data.
#[non_exhaustive]
pub enum NotCommitted {
    /// Another transaction was in its way: the whole transaction is fit to be run again at once.
    Conflict,
    /// The database had given the transaction up over an error that the handler did not hand on.
    Aborted,
    /// The transaction was ended within the handler.
    Ended,
    /// An inner transaction is still open: its future was dropped half-way.
    Unfinished,
    /// The database refused the commit, and has rolled the transaction back.
    Refused(Error),
    /// The connection was lost during the commit: the fence will tell whether the commit was made.
    Unknown(Error),
}

/// The state in which a handler's transaction has left its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// As it was before.
    Nothing,
    /// With settings or tables that no transaction undoes. The connection is only fit to be closed.
    Traces,
}

impl NotCommitted {
    /// The refusal of a commit for this reason.
    pub fn refused(reason: &str) -> Self {
        Self::Refused(Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(reason.to_owned())))
    }

    /// The error of the database, where there was one.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            Self::Refused(error) | Self::Unknown(error) => Some(error),
            Self::Conflict | Self::Aborted | Self::Ended | Self::Unfinished => None,
        }
    }
}

// The database's messages may quote data.
impl fmt::Debug for NotCommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "Conflict",
            Self::Aborted => "Aborted",
            Self::Ended => "Ended",
            Self::Unfinished => "Unfinished",
            Self::Refused(_) => "Refused",
            Self::Unknown(_) => "Unknown",
        })
    }
}

impl fmt::Display for NotCommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the commit failed: another transaction was in its way"),
            Self::Aborted => f.write_str(
                "nothing was committed: the database had given up the transaction over an error that the handler passed by",
            ),
            Self::Ended => f.write_str("nothing more was committed: the transaction was ended within the handler"),
            Self::Unfinished => f.write_str(
                "nothing was committed: a transaction within the handler's was dropped half-way, and is open still",
            ),
            Self::Refused(error) => write!(f, "the commit failed: {error}"),
            Self::Unknown(_) => f.write_str("the commit failed"),
        }
    }
}

impl StdError for NotCommitted {}
