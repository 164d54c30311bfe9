use std::fmt;

use diesel::prelude::*;

use crate::Snapshot;

/// A person to erase, named by one of the ids that deliveries carry. `Debug` shows the kind of id, not its value.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Person {
    /// The person of the interview result with this id. Only that result is erased.
    ResultId(String),
    /// The vendor's `profile_id`.
    ProfileId(String),
    /// The vendor's `profile_interview_id`.
    ProfileInterviewId(String),
    /// Your own id: `candidate_external_id`.
    ExternalId(String),
    /// The mail address, in any case and under any field name.
    Email(String),
}

impl Person {
    /// The kind of id that names the person.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ResultId(_) => "id",
            Self::ProfileId(_) => "profile_id",
            Self::ProfileInterviewId(_) => "profile_interview_id",
            Self::ExternalId(_) => "candidate_external_id",
            Self::Email(_) => "candidate_email",
        }
    }

    /// The id.
    pub fn value(&self) -> &str {
        match self {
            Self::ResultId(value)
            | Self::ProfileId(value)
            | Self::ProfileInterviewId(value)
            | Self::ExternalId(value)
            | Self::Email(value) => value,
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}: [redacted])", self.kind())
    }
}

/// The rows that one transaction of an erasure changed, or would change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasedRows {
    /// Results that were emptied. A tombstone of each is left, so that a late retry brings nothing back.
    pub results: u64,
    /// Bodies that were removed.
    pub bodies: u64,
    /// Work that was given up.
    pub work: u64,
    /// Error texts that were removed.
    pub errors: u64,
}

impl std::ops::AddAssign for ErasedRows {
    fn add_assign(&mut self, other: Self) {
        self.results += other.results;
        self.bodies += other.bodies;
        self.work += other.work;
        self.errors += other.errors;
    }
}

/// A part of an erasure that is left undone in the files of the database. The tables hold nothing of the person any
/// more.
///
/// Erasing the same person again tries it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undone {
    /// A transaction from before the erasure is still open, and sees the removed data. Until that transaction ends,
    /// SQLite keeps the data in the file or in its `-wal`, and Postgres in dead rows. On Postgres also a later one that
    /// stays open for some seconds: `VACUUM` passes by a page that somebody reads.
    Reader,
    /// Pages were not rewritten, and their free space may hold removed data. On SQLite: the file has more than 64 MiB,
    /// or another writer or a full disk was in the way. Or a table of the host's has neither an `INTEGER PRIMARY KEY`
    /// nor an index, so that its row ids would change. On Postgres: the role owns neither the tables nor the database,
    /// and lacks `MAINTAIN`. The remedy is to run `VACUUM` at a quiet hour, as a role that may.
    Vacuum,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader => {
                "a transaction is open that sees what was removed, or reads its page: end it, then erase again"
            }
            Self::Vacuum => "free space of the database's pages may hold what was removed: run `VACUUM`",
        })
    }
}

/// The bodies that a walk reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// All stored bodies.
    All,
    /// The bodies of quarantined deliveries.
    Quarantined,
}

/// A stored body, with its delivery and its result. `Debug` shows the delivery's id alone.
#[derive(Clone, Queryable)]
pub struct StoredBody {
    /// Its delivery.
    pub delivery_id: i64,
    /// The endpoint that it came to.
    pub endpoint: String,
    /// The vendor's id of the result, where the body tells it.
    pub result_id: Option<String>,
    /// The first delivery about the same result; none for a quarantined delivery.
    pub first_delivery_id: Option<i64>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for StoredBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredBody").field("delivery_id", &self.delivery_id).finish_non_exhaustive()
    }
}

/// The state of a result that is not erased. `Debug` shows its delivery's id alone.
#[derive(Clone, Queryable)]
pub struct StoredState {
    /// The delivery whose snapshot this is.
    pub delivery_id: i64,
    /// The endpoint that its deliveries came to.
    pub endpoint: String,
    /// The vendor's id.
    pub result_id: String,
    /// The first delivery about it.
    pub first_delivery_id: i64,
    /// The fields of the payload.
    pub snapshot: Snapshot,
}

impl fmt::Debug for StoredState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredState").field("delivery_id", &self.delivery_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_by_the_kind_of_id_and_never_by_its_value() {
        let person = |person: fn(String) -> Person| person("Ann".to_owned());
        let kinds = [
            (person(Person::ResultId), "id"),
            (person(Person::ProfileId), "profile_id"),
            (person(Person::ProfileInterviewId), "profile_interview_id"),
            (person(Person::ExternalId), "candidate_external_id"),
            (person(Person::Email), "candidate_email"),
        ];

        for (person, kind) in kinds {
            assert_eq!((person.kind(), person.value()), (kind, "Ann"));
            assert_eq!(format!("{person:?}"), format!("Person({kind}: [redacted])"));
        }
    }

    #[test]
    fn the_rows_of_two_transactions_are_counted_together() {
        let mut rows = ErasedRows { results: 1, bodies: 2, work: 3, errors: 4 };

        rows += ErasedRows { results: 10, bodies: 20, work: 30, errors: 40 };

        assert_eq!(rows, ErasedRows { results: 11, bodies: 22, work: 33, errors: 44 });
    }

    #[test]
    fn what_is_left_undone_says_what_would_do() {
        assert!(Undone::Reader.to_string().contains("end it, then erase again"));
        assert!(Undone::Vacuum.to_string().contains("run `VACUUM`"));
    }
}
