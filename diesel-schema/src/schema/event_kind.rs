use super::text_enum::text_enum;

text_enum! {
    /// The event that a delivery reports about its interview.
    EventKind {
        /// The interview was submitted and scored, or something about its result changed.
        InterviewResult = "interview_result",
        /// The candidate has finished; the answers are not scored yet.
        InterviewCollected = "interview_collected",
        /// The interview failed, was abandoned, terminated, or taken back for another attempt.
        InterviewFailed = "interview_failed",
        /// Neither path nor body tells the event. Only a quarantined delivery is unknown.
        Unknown = "unknown",
    }
}
