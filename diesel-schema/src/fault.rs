use diesel::result::{DatabaseErrorKind, Error};

/// What a database says of itself that an operator can act on. Matched, not quoted: other messages may quote data.
const KNOWN: &[&str] = &[
    "database is locked",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
    "database disk image is malformed",
    "unable to open database file",
    "no such table",
    "deadlock detected",
    "canceling statement due to lock timeout",
    "canceling statement due to statement timeout",
    "terminating connection due to administrator command",
    "the database system is starting up",
    "the database system is shutting down",
    "No space left on device",
    "permission denied",
];

/// What went wrong in a database, in words that hold no data: for logs.
pub fn fault(error: &Error) -> &'static str {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => "unique violation",
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => "foreign key violation",
        Error::DatabaseError(DatabaseErrorKind::NotNullViolation, _) => "not-null violation",
        Error::DatabaseError(DatabaseErrorKind::CheckViolation, _) => "check violation",
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => "serialization failure",
        Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => "read-only transaction",
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => "connection closed",
        Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, _) => "connection lost",
        Error::DatabaseError(_, details) => {
            let message = details.message();
            KNOWN.iter().find(|known| message.contains(**known)).copied().unwrap_or("database error")
        }
        Error::SerializationError(_) | Error::DeserializationError(_) => "a value does not fit its column",
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => "broken transaction",
        Error::NotFound => "row not found",
        _ => "database error",
    }
}

/// What is wrong with a database that took no commit, where that is not the fault of what was to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot write: the disk is full, or must not be written to.
    Write,
    /// Reading, writing or syncing has failed: nobody knows what of the last writes is on the disk.
    Disk,
}

/// What an error says of the database as a whole, if it says anything.
pub fn trouble(error: &Error) -> Option<Trouble> {
    match fault(error) {
        "disk I/O error" | "database disk image is malformed" => Some(Trouble::Disk),
        "database or disk is full" | "attempt to write a readonly database" | "No space left on device" => {
            Some(Trouble::Write)
        }
        _ => None,
    }
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
