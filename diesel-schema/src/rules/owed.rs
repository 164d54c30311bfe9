use std::fmt;

use crate::{Claim, Timestamp};

/// A call of a handler's hook `discarded` that is owed, and that a process has taken. `Debug` does not show the error.
#[derive(Clone)]
pub struct OwedHook {
    /// The delivery that failed for good.
    pub delivery_id: i64,
    /// The handler that it failed for.
    pub handler: String,
    /// When another process may take the call again, which then sets another time.
    pub taken_until: Timestamp,
    /// When the work was discarded.
    pub discarded_at: Timestamp,
    /// The error that ended the work.
    pub error: String,
    /// The claim of the work's last attempt.
    pub claim: Claim,
}

impl fmt::Debug for OwedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwedHook")
            .field("delivery_id", &self.delivery_id)
            .field("handler", &self.handler)
            .field("taken_until", &self.taken_until)
            .field("discarded_at", &self.discarded_at)
            .finish_non_exhaustive()
    }
}
