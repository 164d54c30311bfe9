use std::error::Error as StdError;
#[cfg(feature = "postgres")]
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};

/// Frames of SQLite's WAL are neither on the disk nor in memory. An orderly end would copy the bytes that are there
/// instead into the database file.
pub(crate) const LOST_FRAMES: &str =
    "the write-ahead log has lost frames: end this process by `kill -9`, and SQLite reads what is left when it starts";

/// The messages of a database that an operator can act on, and the trouble that each tells of. Matched, not quoted: other
/// messages may quote data.
const KNOWN: [(&str, Option<Trouble>); 18] = [
    ("database is locked", None),
    ("disk I/O error", Some(Trouble::Disk)),
    (LOST_FRAMES, Some(Trouble::Disk)),
    ("database or disk is full", Some(Trouble::Write)),
    ("attempt to write a readonly database", Some(Trouble::Write)),
    ("database disk image is malformed", Some(Trouble::Disk)),
    ("unable to open database file", None),
    ("no such table", None),
    ("deadlock detected", None),
    ("canceling statement due to lock timeout", None),
    ("canceling statement due to statement timeout", None),
    ("terminating connection due to idle-in-transaction timeout", None),
    ("terminating connection due to administrator command", None),
    ("the database system is starting up", None),
    ("the database system is shutting down", None),
    ("the database system is in recovery mode", None),
    ("No space left on device", Some(Trouble::Write)),
    ("permission denied", None),
];

/// The text for any other error.
const UNKNOWN: &str = "database error";

/// The fault of a database, in words that hold no data: for the log.
pub fn fault(error: &Error) -> &'static str {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => "unique violation",
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => "foreign key violation",
        Error::DatabaseError(DatabaseErrorKind::NotNullViolation, _) => "not-null violation",
        Error::DatabaseError(DatabaseErrorKind::CheckViolation, _) => "check violation",
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => "serialization failure",
        Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => "read-only transaction",
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => "connection lost or silent, outcome unknown",
        Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => "connection lost",
        Error::DatabaseError(_, details) => {
            let message = details.message();
            KNOWN.iter().find(|(known, _)| message.contains(known)).map_or(UNKNOWN, |(known, _)| *known)
        }
        Error::SerializationError(_) | Error::DeserializationError(_) => "a value does not fit its column",
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => "broken transaction",
        Error::NotFound => "row not found",
        _ => UNKNOWN,
    }
}

/// Whether the outcome of a commit is unknown: the connection was lost during the commit, or fell silent.
pub fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _))
}

/// Whether the server itself takes no writes: it is a standby, or became one.
pub fn is_read_only(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _))
}

/// The error of a commit whose outcome is unknown. Diesel itself never says that a connection was closed.
#[cfg(feature = "postgres")]
pub(crate) fn unknown(cause: &str) -> Error {
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(cause.to_owned()))
}

/// Whether another transaction was to blame: serialization failure, deadlock, or the same new key at the same time.
/// The whole transaction is fit to be run again.
#[cfg(feature = "postgres")]
pub(crate) fn is_in_the_way(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation, _) => true,
        error => is_deadlock(error),
    }
}

/// Whether a statement failed because it waited for a lock for longer than `limit`. The error arrives without its code,
/// and the message may be in any language; but no other refusal takes that long.
#[cfg(feature = "postgres")]
pub(crate) fn is_lock_timeout(error: &Error, waited: Duration, limit: Duration) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, details) => {
            details.message().contains("lock timeout") || (waited >= limit && fault(error) == UNKNOWN)
        }
        _ => false,
    }
}

/// Whether a handler's error blames another transaction: serialization failure or deadlock. A key that exists already
/// is the handler's own matter.
pub fn is_conflict(error: &(dyn StdError + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.filter_map(|error| error.downcast_ref::<Error>()).any(|error| {
        matches!(error, Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) || is_deadlock(error)
    })
}

/// A deadlock's error arrives without its code. The word `deadlock` stands in most translations of the message too.
fn is_deadlock(error: &Error) -> bool {
    match error {
        Error::DatabaseError(_, details) => details.message().to_lowercase().contains("deadlock"),
        _ => false,
    }
}

/// The trouble of a database that took no commit, where the contents of the commit are not at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The database cannot write: the disk is full, or must not be written to.
    Write,
    /// Reading, writing or syncing has failed: nobody knows which of the last writes are on the disk.
    Disk,
}

/// The trouble of the database as a whole that an error tells of, if any.
pub fn trouble(error: &Error) -> Option<Trouble> {
    let fault = fault(error);
    KNOWN.iter().find(|(known, _)| *known == fault).and_then(|(_, trouble)| *trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_delivery_is_to_blame_for_is_no_trouble_of_the_database() {
        let says =
            |message: &str| trouble(&Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned())));

        assert_eq!(says("disk I/O error"), Some(Trouble::Disk));
        assert_eq!(says("database or disk is full"), Some(Trouble::Write));
        assert_eq!(says("database is locked"), None);
        assert_eq!(says("the value \"disk\" is too long"), None);
        assert_eq!(trouble(&Error::NotFound), None);
    }
}
