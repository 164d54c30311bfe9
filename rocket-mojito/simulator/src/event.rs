use std::fmt;

/// A webhook of the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The candidate has finished, and not submitted yet.
    Collected,
    /// The interview is submitted and processed; sent again on each later change.
    Result,
    /// The interview did not finish well, or was withdrawn for another attempt.
    Failed,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Collected, Self::Result, Self::Failed];

    /// The vendor's name, which is the last segment of the path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collected => "interview_collected",
            Self::Result => "interview_result",
            Self::Failed => "interview_failed",
        }
    }

    /// The event of this name.
    pub fn from_text(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
