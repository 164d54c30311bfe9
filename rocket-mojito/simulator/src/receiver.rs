use std::fmt;

use sha2::{Digest, Sha256};

use crate::Event;

/// A receiver that can tell its rows. It is asked once the sending is over.
pub trait Receiver {
    /// The reason why it cannot.
    type Error;

    /// The mark by which its rows tell one delivery from another. By default SHA-256 over event and body.
    fn mark(&self, event: Event, body: &[u8]) -> Mark {
        Mark::of_body(event, body)
    }

    /// The rows about a result.
    fn stored(&self, result_id: &str) -> impl Future<Output = Result<Stored, Self::Error>>;
}

/// The rows of a receiver about one result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// The marks of all deliveries, one for each row.
    pub deliveries: Vec<Mark>,
    /// The mark of the delivery that the receiver takes for the state of the result.
    pub newest: Option<Mark>,
}

/// 32 bytes that stand for one event and body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark([u8; 32]);

impl Mark {
    /// A mark of the receiver's own.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// SHA-256 over event and body.
    pub fn of_body(event: Event, body: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(event.as_str()).chain_update(b"\0").chain_update(body).finalize();
        Self(digest.into())
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}
