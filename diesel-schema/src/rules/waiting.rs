/// Work of one handler that waits for somebody. It names no result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The handler's stable name.
    pub handler: String,
    /// How much there is.
    pub count: u64,
    /// A delivery of it, as a sample.
    pub delivery_id: i64,
}
