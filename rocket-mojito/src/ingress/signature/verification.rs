use hmac::Mac;
use rocket::http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

use super::headers::SignatureHeaders;
use super::{SignatureError, schemes, timestamp};
use crate::Timestamp;
use crate::config::{Endpoint, Key, Scheme};
use crate::ingress::body::{Body, HeldBytes};
use crate::ingress::{Cause, Rejection};

/// The id in place of a secret's, where the host vouches for a body.
const VOUCHED: &str = "vouched";

/// Proof that an authorised sender sent these bytes, or the host's word for it. The endpoint's secret was present and
/// one of its keys signed the bytes, as far as the endpoint has any. Only this type can be read as an event.
pub(crate) struct Verified<'e> {
    pub endpoint: &'e Endpoint,
    /// The id of the key if the endpoint has any; otherwise of the secret.
    pub secret_id: &'e str,
    /// The id that the gateway gave to the message, if its scheme signs one.
    pub message_id: Option<String>,
    pub body: HeldBytes,
}

impl<'e> Verified<'e> {
    /// A body that the host vouches for, in place of a proof.
    pub fn by_host(endpoint: &'e Endpoint, body: HeldBytes) -> Self {
        Self { endpoint, secret_id: VOUCHED, message_id: None, body }
    }
}

impl<'e> Body<'e> {
    /// Verifies the signature, if the endpoint has keys.
    pub fn verify(self, headers: &HeaderMap<'_>, now: Timestamp) -> Result<Verified<'e>, Rejection> {
        let Self { sender, held: body } = self;
        let endpoint = sender.endpoint;
        if endpoint.keys.is_empty() {
            let secret_id = sender.secret_id.expect("a launch wants a secret or a key");
            return Ok(Verified { endpoint, secret_id, message_id: None, body });
        }
        let (key, message_id) =
            signer(&endpoint.keys, headers, &body.bytes, now).map_err(|flaw| Rejection::new(Cause::Signature(flaw)))?;
        Ok(Verified { endpoint, secret_id: &key.id, message_id, body })
    }
}

/// The key that signed these bytes, and the id of the message. If no key did, the error of the key that got furthest.
///
/// Every key is tried, even after a match.
pub(crate) fn signer<'k>(
    keys: &'k [Key],
    headers: &HeaderMap<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(&'k Key, Option<String>), SignatureError> {
    let mut found = Err(SignatureError::Absent);
    for key in keys {
        let outcome = read_headers(&key.scheme, headers).and_then(|signed| {
            check(key, &signed, body, now)?;
            Ok((key, signed.message_id.map(str::to_owned)))
        });
        found = match (found, outcome) {
            (Err(former), Err(flaw)) => Err(flaw.max(former)),
            (Err(_), Ok(signer)) | (Ok(signer), _) => Ok(signer),
        };
    }
    found
}

fn read_headers<'h>(scheme: &Scheme, headers: &'h HeaderMap<'_>) -> Result<SignatureHeaders<'h>, SignatureError> {
    match scheme {
        Scheme::StandardWebhooks { id, timestamp, signature } => {
            schemes::standard_webhooks(headers, [id, timestamp, signature])
        }
        Scheme::GitHub => schemes::github(headers),
        Scheme::Stripe => schemes::stripe(headers),
        Scheme::Hmac { header, prefix, encoding, timestamp_header } => {
            schemes::hmac(headers, header, prefix, *encoding, timestamp_header.as_deref())
        }
    }
}

/// Compares all signatures in constant time before it looks at the clock. So a sender who cannot sign learns nothing
/// about the clock.
fn check(key: &Key, signed: &SignatureHeaders<'_>, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let mut mac = key.mac.begin();
    for piece in &signed.preamble {
        mac.update(piece.as_bytes());
    }
    mac.update(body);
    let expected = mac.finalize().into_bytes();
    let fits = signed.tags.iter().fold(Choice::from(0), |fits, tag| fits | tag[..].ct_eq(&expected));
    if !bool::from(fits) {
        return Err(SignatureError::Wrong);
    }
    match signed.sent_at {
        Some(sent_at) if !timestamp::is_fresh(sent_at, now.unix_timestamp()) => Err(SignatureError::Stale),
        _ => Ok(()),
    }
}
