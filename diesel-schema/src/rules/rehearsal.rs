use crate::Claim;

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
