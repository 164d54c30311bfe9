use std::fmt;

use diesel::prelude::*;

use crate::Snapshot;

/// A person who is to be erased, by one of the ids that deliveries carry. `Debug` shows which kind, not whom.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Person {
    /// Whom the interview result with this id is about. That result alone.
    ResultId(String),
    /// The vendor's `profile_id`.
    ProfileId(String),
    /// The vendor's `profile_interview_id`.
    ProfileInterviewId(String),
    /// Your own id: `candidate_external_id`.
    ExternalId(String),
    /// The mail address, whatever its case, under whichever name it stands.
    Email(String),
}

impl Person {
    /// By which kind of id the person is named.
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
    /// Results that were emptied. A tombstone is left of each, so that a late retry brings nothing back.
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

/// What an erasure could not do about the files of the database. The tables hold nothing of the person any more.
///
/// To erase the same person again is to try it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undone {
    /// A transaction from before the erasure is still open, and sees what was removed: on SQLite it is in the file or in
    /// its `-wal` for as long, on Postgres in dead rows.
    Reader,
    /// Pages were not rewritten, and their free space may hold what was removed. On SQLite: the file has more than 64 MiB,
    /// another writer or a full disk was in the way, or a table of the host's has neither an `INTEGER PRIMARY KEY` nor an
    /// index, so that its row ids would change. On Postgres: the role owns neither the tables nor the database, and lacks
    /// `MAINTAIN`. Whoever may runs `VACUUM` at a quiet hour.
    Vacuum,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader => "an older transaction is open and still sees what was removed: end it, then erase again",
            Self::Vacuum => "free space of the database's pages may hold what was removed: run `VACUUM`",
        })
    }
}

/// Which bodies a walk reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// All that are stored.
    All,
    /// Those of deliveries in quarantine.
    Quarantined,
}

/// A stored body, and what it belongs to. `Debug` shows the delivery alone.
#[derive(Clone, Queryable)]
pub struct StoredBody {
    /// Its delivery.
    pub delivery_id: i64,
    /// The endpoint that it came to.
    pub endpoint: String,
    /// The vendor's id of the result, where the body tells it.
    pub result_id: Option<String>,
    /// The first delivery about the same result; none for quarantined ones.
    pub first_delivery_id: Option<i64>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for StoredBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredBody").field("delivery_id", &self.delivery_id).finish_non_exhaustive()
    }
}

/// The state of a result that is not erased. `Debug` shows its delivery alone.
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
