use std::io;
use std::process::ExitCode;

use crate::Error;

/// The end of a command, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done = 0,
    /// A part of it failed, or `doctor` warns.
    Partly = 1,
    /// The usage was wrong, or something is broken.
    Broken = 2,
    /// The operator cancelled it.
    Cancelled = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command was not carried out. It holds no personal data.
#[derive(Debug)]
pub(super) enum Failure {
    /// The arguments make no sense, or not without something else.
    Usage(String),
    /// The library refused, or the database did not answer.
    Refused(Error),
    /// The output's reader has gone, or the input cannot be read.
    Io(io::Error),
}

impl Failure {
    /// The sentence for standard error. `None` where the reader has simply seen enough, as `head` does.
    pub(super) fn sentence(&self) -> Option<String> {
        match self {
            Self::Usage(sentence) => Some(sentence.clone()),
            Self::Refused(error) => Some(error.to_string()),
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Io(error) => Some(format!("the output cannot be written: {error}")),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
