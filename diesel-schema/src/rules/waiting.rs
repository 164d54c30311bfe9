/// Work of one handler that waits for the handler to be attached, or behind a first that has failed. It names no
/// result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The handler's stable name.
    pub handler: String,
    /// The number of lines without an attached handler, or of deliveries behind a failed first.
    pub count: u64,
    /// One of the deliveries, as a sample.
    pub delivery_id: i64,
}
