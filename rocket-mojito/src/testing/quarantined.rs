use std::error::Error as StdError;
use std::fmt;

use crate::Finding;

/// The reason why a delivery with this body would be quarantined: it reaches no handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    cause: Finding,
}

impl Quarantined {
    pub(super) fn new(cause: Finding) -> Self {
        Self { cause }
    }

    /// The finding that the stored delivery would have.
    pub fn cause(&self) -> &Finding {
        &self.cause
    }
}

impl fmt::Display for Quarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the delivery would be quarantined: {}", self.cause.code)?;
        match self.cause.field {
            Some(field) => write!(f, " in `{field}`"),
            None => Ok(()),
        }
    }
}

impl StdError for Quarantined {}
