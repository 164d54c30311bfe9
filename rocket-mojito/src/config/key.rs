use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit};
use sha2::Sha256;

use super::Encoding;

/// A key that signs deliveries, ready for use.
#[derive(Clone)]
pub(crate) struct Key {
    pub id: String,
    pub scheme: Scheme,
    pub mac: Mac,
}

/// A gateway's way of signing: the signed bytes, and the headers of the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Standard Webhooks, symmetric: `id.time.body`.
    StandardWebhooks {
        /// The header of the message's id.
        id: String,
        /// The header of the time.
        timestamp: String,
        /// The header of the signatures.
        signature: String,
    },
    /// GitHub's scheme: the body.
    GitHub,
    /// Stripe's scheme: `time.body`.
    Stripe,
    /// A custom gateway's scheme: the body, or `time.body`.
    Hmac {
        /// The header of the signature.
        header: String,
        /// The text before the signature in that header.
        prefix: String,
        /// The encoding of the signature.
        encoding: Encoding,
        /// The header of the time, if there is one.
        timestamp_header: Option<String>,
    },
}

impl Scheme {
    /// Standard Webhooks with header names that begin with this prefix.
    pub fn standard_webhooks(header_prefix: &str) -> Self {
        let header = |name: &str| format!("{header_prefix}-{name}");
        Self::StandardWebhooks { id: header("id"), timestamp: header("timestamp"), signature: header("signature") }
    }
}

/// An HMAC-SHA256 that has absorbed its key and nothing else. The key itself is not kept.
#[derive(Clone)]
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    pub fn begin(&self) -> Hmac<Sha256> {
        self.0.clone()
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The prefix of every Standard Webhooks key.
const SECRET_PREFIX: &str = "whsec_";

/// The lengths that the specification allows, in bytes.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The bytes of a Standard Webhooks key, or the fault of the value.
///
/// Source: Standard Webhooks, "Signature scheme", symmetric.
pub(super) fn standard_webhooks_key(value: &str) -> Result<Vec<u8>, String> {
    let Some(encoded) = value.strip_prefix(SECRET_PREFIX) else {
        return Err(format!("does not begin with `{SECRET_PREFIX}`"));
    };
    let Ok(bytes) = STANDARD.decode(encoded) else {
        return Err(format!("is not base64 after `{SECRET_PREFIX}`"));
    };
    if !KEY_LENGTHS.contains(&bytes.len()) {
        return Err(format!("is a key of {} bytes, and 24 to 64 are allowed", bytes.len()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_standard_webhooks_has_24_to_64_bytes() {
        let key = |length: usize| format!("{SECRET_PREFIX}{}", STANDARD.encode(vec![7; length]));

        for (length, is_allowed) in [(0, false), (23, false), (24, true), (32, true), (64, true), (65, false)] {
            assert_eq!(standard_webhooks_key(&key(length)).is_ok(), is_allowed, "{length} bytes");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = Key { id: "a".into(), scheme: Scheme::GitHub, mac: Mac::new(b"canary") };

        assert_eq!(format!("{:?}", key.mac), "[redacted]");
    }
}
