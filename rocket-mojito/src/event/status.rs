use std::borrow::Cow;
use std::fmt;

/// Declares an open set of texts: known values by name, and any other value as it was sent.
macro_rules! open_set {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        ///
        /// `Debug` does not show a value that is not published.
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$note])* $variant,)+
            /// A value that the vendor has not published, as it was sent.
            Other(String),
        }

        impl $name {
            /// The vendor's text.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            pub(super) fn of(text: Cow<'_, str>) -> Self {
                match &*text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.into_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::of(text.into())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                match value {
                    $name::Other(text) => text,
                    known => known.as_str().to_owned(),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str(stringify!($variant)),)+
                    // The text comes from the sender.
                    Self::Other(_) => f.write_str("Other([redacted])"),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

open_set! {
    /// Life cycle of a result: the payload's `status`.
    ResultStatus {
        /// Not submitted yet.
        Draft = "draft",
        /// Submitted.
        Active = "active",
        /// Put away.
        Archived = "archived",
    }
}

open_set! {
    /// The course of the interview: the payload's `interview_status`. The texts contain commas and are never split.
    InterviewStatus {
        /// The interview runs.
        Ongoing = "ongoing",
        /// The interview runs, in the words of the vendor's main API.
        Started = "started",
        /// An error, or the candidate or a recruiter asked for another attempt.
        Failed = "failed",
        /// The candidate left.
        Abandoned = "abandoned",
        /// No speech was detected.
        TerminatedNoSpeech = "terminated, no speech detected",
        /// The interview ended as planned.
        Completed = "completed",
        /// The candidate ended the interview, or the time was up.
        CompletedStoppedEarly = "completed, stopped early",
    }
}

open_set! {
    /// The progress of the scoring: the payload's `processing_status`.
    ProcessingStatus {
        /// Not begun.
        New = "new",
        /// Under way.
        Processing = "processing",
        /// Scored.
        Completed = "completed",
        /// The scoring failed.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_published_is_kept() {
        let known = InterviewStatus::from("completed, stopped early".to_owned());
        let other = InterviewStatus::from("completed, by the moon".to_owned());

        assert_eq!(known, InterviewStatus::CompletedStoppedEarly);
        assert_eq!(String::from(other), "completed, by the moon");
    }

    #[test]
    fn each_word_is_shown_as_it_was_sent() {
        let words = ["ongoing", "started", "failed", "abandoned", "terminated, no speech detected", "completed"];

        for word in words.into_iter().chain(["completed, stopped early", "by the moon"]) {
            assert_eq!(InterviewStatus::from(word.to_owned()).to_string(), word);
        }
        assert_eq!(format!("{:?}", ResultStatus::from("by the moon".to_owned())), "Other([redacted])");
        assert_eq!(format!("{:?}", ProcessingStatus::New), "New");
    }
}
