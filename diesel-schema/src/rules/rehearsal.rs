use crate::{Claim, Left};

/// The rows of one table that a rehearsed handler would have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableChange {
    /// The table's name. On Postgres its schema stands before it, where the search path does not find the table.
    pub table: String,
    /// Rows that were inserted.
    pub inserted: u64,
    /// Rows that were updated.
    pub updated: u64,
    /// Rows that were deleted.
    pub deleted: u64,
}

/// A delivery as its handler would claim it, without a claim.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Everything that an attempt needs to know. Its ticket holds nothing.
    pub claim: Claim,
    /// Whether work of the same line is leased.
    pub is_leased: bool,
}

/// The end of a rehearsal's transaction, which would have been committed and was rolled back.
#[derive(Debug, Clone)]
pub struct RolledBack {
    /// The tables with changed rows, by name.
    pub changes: Vec<TableChange>,
    /// Whether work of the same line was leased meanwhile.
    pub is_leased: bool,
    /// The state of the connection.
    pub left: Left,
}
