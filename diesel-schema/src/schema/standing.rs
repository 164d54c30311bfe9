use super::text_enum::text_enum;

text_enum! {
    /// The meaning of a delivery for its result, decided when it is recorded.
    Standing {
        /// It is, or was, the state of its result: it has a version, and handlers run.
        Current = "current",
        /// Its bytes are those of a stored delivery: it is counted there, and has no row of its own.
        Repeat = "repeat",
        /// `interview_collected` that came after the result: kept, the state stays, few handlers want it.
        Late = "late",
        /// Authentic, kept and acknowledged, but not understood: no handler runs until it is replayed.
        Quarantined = "quarantined",
    }
}
