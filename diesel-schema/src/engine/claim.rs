use crate::WorkRow;
use crate::schema::claim::ClaimRequest;

/// The bytes of bodies that a claim takes beside its first row: claimed deliveries wait in memory.
const MAX_BYTES: i64 = 1 << 20;

/// The budget of one claim: the rows and bytes that it may still take. The claimable rows pass it in their order.
pub(crate) struct ClaimBudget {
    rows: usize,
    taken: usize,
    free: usize,
    bytes: i64,
    is_cut: bool,
}

impl ClaimBudget {
    pub fn new(request: &ClaimRequest) -> Self {
        Self { rows: request.limit, taken: 0, free: request.free, bytes: MAX_BYTES, is_cut: false }
    }

    /// Whether the claim takes a row whose body has this many bytes.
    pub fn takes(&mut self, row: &WorkRow, size: Option<i32>) -> bool {
        let is_last_attempt = row.attempt + 1 >= row.max_attempts;
        if self.is_cut || (is_last_attempt && self.taken >= self.free) {
            return false;
        }
        self.bytes -= i64::from(size.unwrap_or(0));
        self.is_cut = self.taken == self.rows || (self.taken > 0 && self.bytes < 0);
        if !self.is_cut {
            self.taken += 1;
        }
        !self.is_cut
    }

    /// Whether a claimable row was left out only because it did not fit.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}
