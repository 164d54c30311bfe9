use hmac::Mac;
use rocket::http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

use super::presented::Presented;
use super::{Flaw, github, hmac as own, standard_webhooks, stripe, timestamp};
use crate::Utc;
use crate::config::{Endpoint, Key, Scheme};
use crate::ingress::body::Body;
use crate::ingress::{Cause, Rejection};

/// Proof that a body is what somebody sent who may: the endpoint's secret was there, and one of its keys signed these
/// bytes, as far as it has any. Only this can be read as an event.
pub(crate) struct Verified<'e> {
    pub endpoint: &'e Endpoint,
    /// The key, where the endpoint has any; otherwise the secret.
    pub secret_id: &'e str,
    /// The id that the gateway gave to the message, where its scheme signs one.
    pub message_id: Option<String>,
    pub body: Vec<u8>,
}

impl<'e> Body<'e> {
    /// Verifies the signature, where the endpoint has keys.
    pub fn verify(self, headers: &HeaderMap<'_>, now: Utc) -> Result<Verified<'e>, Rejection> {
        let Self { sender, bytes: body } = self;
        let endpoint = sender.endpoint;
        if endpoint.keys.is_empty() {
            let secret_id = sender.secret_id.expect("a launch wants a secret or a key");
            return Ok(Verified { endpoint, secret_id, message_id: None, body });
        }
        let (key, message_id) =
            signer(&endpoint.keys, headers, &body, now).map_err(|flaw| Rejection::new(Cause::Signature(flaw)))?;
        Ok(Verified { endpoint, secret_id: &key.id, message_id, body })
    }
}

/// The key that signed these bytes, and the id of the message. Of several flaws, that of the key that came furthest.
///
/// Every key is tried, whichever fits.
pub(crate) fn signer<'k>(
    keys: &'k [Key],
    headers: &HeaderMap<'_>,
    body: &[u8],
    now: Utc,
) -> Result<(&'k Key, Option<String>), Flaw> {
    let mut found = Err(Flaw::Absent);
    for key in keys {
        let outcome = presented(&key.scheme, headers).and_then(|presented| {
            check(key, &presented, body, now)?;
            Ok((key, presented.message_id.map(str::to_owned)))
        });
        found = match (found, outcome) {
            (Err(former), Err(flaw)) => Err(flaw.max(former)),
            (Err(_), Ok(signer)) | (Ok(signer), _) => Ok(signer),
        };
    }
    found
}

fn presented<'h>(scheme: &Scheme, headers: &'h HeaderMap<'_>) -> Result<Presented<'h>, Flaw> {
    match scheme {
        Scheme::StandardWebhooks { id, timestamp, signature } => {
            standard_webhooks::presented(headers, [id, timestamp, signature])
        }
        Scheme::GitHub => github::presented(headers),
        Scheme::Stripe => stripe::presented(headers),
        Scheme::Hmac { header, prefix, encoding, timestamp_header } => {
            own::presented(headers, header, prefix, *encoding, timestamp_header.as_deref())
        }
    }
}

/// Compares all signatures in constant time, and only then looks at the clock: who cannot sign is told nothing of it.
fn check(key: &Key, presented: &Presented<'_>, body: &[u8], now: Utc) -> Result<(), Flaw> {
    let mut mac = key.mac.begin();
    for piece in &presented.preamble {
        mac.update(piece.as_bytes());
    }
    mac.update(body);
    let expected = mac.finalize().into_bytes();
    let fits = presented.tags.iter().fold(Choice::from(0), |fits, tag| fits | tag[..].ct_eq(&expected));
    if !bool::from(fits) {
        return Err(Flaw::Wrong);
    }
    match presented.sent_at {
        Some(sent_at) if !timestamp::is_fresh(sent_at, now.unix_timestamp()) => Err(Flaw::Stale),
        _ => Ok(()),
    }
}
