use std::error::Error as StdError;
use std::fmt;

use crate::Error;

/// A disturbance that a handler has to bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disturbance {
    /// Every delivery is handled, and then replayed.
    Twice,
    /// Older deliveries are replayed after newer ones were handled.
    OutOfOrder,
    /// Newer deliveries are stored before the older ones are handled.
    Overtaken,
    /// The process dies after so many statements of the handler's transaction, and the delivery is handled again.
    CrashAfterStatement(u32),
    /// The process dies right after the handler's answer was committed.
    CrashAfterCommit,
}

/// A table in which a handler's effect is not exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The table.
    pub table: String,
    /// The first disturbance under which its rows differ from those of an undisturbed run.
    pub disturbance: Disturbance,
    /// The number of its rows after an undisturbed run.
    pub expected_rows: usize,
    /// The number of its rows after the disturbance. Where it is the same, the rows' content differs.
    pub found_rows: usize,
}

/// The reason why a check of a handler fails. It holds no value of any row.
#[derive(Debug)]
pub struct CheckError(Kind);

#[derive(Debug)]
enum Kind {
    Violations(Vec<Violation>),
    NotPerformed(String),
    Database(Error),
}

impl CheckError {
    pub(super) fn violations_in(violations: Vec<Violation>) -> Self {
        Self(Kind::Violations(violations))
    }

    pub(super) fn not_performed(reason: String) -> Self {
        Self(Kind::NotPerformed(reason))
    }

    /// The tables in which the effect is not exactly once. None if the check could not be made.
    pub fn violations(&self) -> &[Violation] {
        match &self.0 {
            Kind::Violations(violations) => violations,
            Kind::NotPerformed(_) | Kind::Database(_) => &[],
        }
    }
}

impl From<Error> for CheckError {
    fn from(error: Error) -> Self {
        Self(Kind::Database(error))
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice => f.write_str("a replay of each delivery"),
            Self::OutOfOrder => f.write_str("a replay of older deliveries"),
            Self::Overtaken => f.write_str("deliveries that were overtaken"),
            Self::CrashAfterStatement(number) => write!(f, "a crash after statement {number} of the transaction"),
            Self::CrashAfterCommit => f.write_str("a crash after the commit"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, disturbance, expected_rows, found_rows } = self;
        write!(f, "the effect in table `{table}` is not exactly once after {disturbance}: ")?;
        if expected_rows == found_rows {
            f.write_str("the content of its rows differs")
        } else {
            write!(f, "{found_rows} rows instead of {expected_rows}")
        }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Violations(violations) => {
                let sentences: Vec<String> = violations.iter().map(ToString::to_string).collect();
                f.write_str(&sentences.join("; "))
            }
            Kind::NotPerformed(reason) => f.write_str(reason),
            Kind::Database(error) => error.fmt(f),
        }
    }
}

impl StdError for CheckError {}
