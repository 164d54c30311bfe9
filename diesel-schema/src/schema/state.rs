use super::text_enum::text_enum;

text_enum! {
    /// The state of one handler's work on one delivery.
    State {
        /// Never attempted, or released before an attempt ended.
        Pending = "pending",
        /// Claimed: one worker holds its lease.
        Running = "running",
        /// An attempt failed; the next is due later.
        Retryable = "retryable",
        /// Done. The handler's effects are committed.
        Completed = "completed",
        /// Given up: by the handler, by an operator, or after the last attempt.
        Discarded = "discarded",
        /// Overtaken: the handler wants the latest version, and a newer one was recorded before an attempt began, or
        /// before one failed.
        Skipped = "skipped",
    }
}
