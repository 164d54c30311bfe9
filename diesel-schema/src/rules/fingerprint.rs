use std::fmt;

use sha2::{Digest, Sha256};

use crate::EventKind;

/// SHA-256 over endpoint, event kind and raw body: it tells a repeat from a new body.
///
/// It covers the raw bytes, not canonical JSON: canonical forms can merge different payloads (two integers above 2^53,
/// a key that stands twice). A false merge loses a change, while a false split costs one extra run.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a body that came to `endpoint` as `event`.
    pub fn new(endpoint: &str, event: EventKind, body: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"mojito.v1\0")
            .chain_update(endpoint)
            .chain_update(b"\0")
            .chain_update(event.as_str())
            .chain_update(b"\0")
            .chain_update(body)
            .finalize();
        Self(digest.into())
    }

    /// The 32 bytes, as the table holds them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_event_and_body_each_make_a_difference() {
        let same = Fingerprint::new("default", EventKind::InterviewResult, b"{}");

        assert_eq!(same, Fingerprint::new("default", EventKind::InterviewResult, b"{}"));
        assert_ne!(same, Fingerprint::new("staging", EventKind::InterviewResult, b"{}"));
        assert_ne!(same, Fingerprint::new("default", EventKind::InterviewFailed, b"{}"));
        assert_ne!(same, Fingerprint::new("default", EventKind::InterviewResult, b"{} "));
    }

    /// Stored fingerprints are compared with those of years later: each version makes the same.
    #[test]
    fn a_fingerprint_stays_what_it_was() {
        let fingerprint = Fingerprint::new("default", EventKind::InterviewResult, b"{}");

        let hex: String = fingerprint.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "6d741dd132ec2ba487733d65e933db5e00fba6ec927692ba73682ac178176c6f");
        assert_eq!(format!("{fingerprint:?}"), "6d741dd1…");
    }
}
