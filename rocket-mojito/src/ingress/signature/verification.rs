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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use rocket::http::Header;

    use super::*;
    use crate::Encoding;
    use crate::config::Mac as KeyMac;

    const NOW: i64 = 1_614_265_330;
    const BODY: &[u8] = b"{}";

    fn key(id: &str, scheme: Scheme) -> Key {
        Key { id: id.to_owned(), scheme, mac: KeyMac::new(id.as_bytes()) }
    }

    fn standard(id: &str) -> Key {
        key(id, Scheme::standard_webhooks("webhook"))
    }

    fn custom(encoding: Encoding, timestamp_header: Option<&str>) -> Scheme {
        let (header, prefix) = ("X-Signature".to_owned(), "v0=".to_owned());
        Scheme::Hmac { header, prefix, encoding, timestamp_header: timestamp_header.map(str::to_owned) }
    }

    /// The signature that a key makes of this text and the body.
    fn tag(key: &Key, preamble: &str) -> Vec<u8> {
        let mut mac = key.mac.begin();
        mac.update(preamble.as_bytes());
        mac.update(BODY);
        mac.finalize().into_bytes().to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The id of the key that has signed, and of the message.
    fn signer_of(keys: &[Key], pairs: &[(&'static str, String)]) -> Result<(String, Option<String>), SignatureError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.add(Header::new(*name, value.clone()));
        }
        let now = Timestamp::from_rfc3339("2021-02-25T15:02:10Z").unwrap();
        assert_eq!(now.unix_timestamp(), NOW);
        signer(keys, &headers, BODY, now).map(|(key, message)| (key.id.clone(), message))
    }

    fn signed_by(id: &str, message: Option<&str>) -> Result<(String, Option<String>), SignatureError> {
        Ok((id.to_owned(), message.map(str::to_owned)))
    }

    /// The headers of Standard Webhooks, signed by `key`.
    fn standard_headers(key: &Key, id: &str, time: i64) -> [(&'static str, String); 3] {
        let signature = STANDARD.encode(tag(key, &format!("{id}.{time}.")));
        let signatures = format!("v1a,{signature} v1,AAAA v1,{signature}");
        [("webhook-id", id.to_owned()), ("webhook-timestamp", time.to_string()), ("webhook-signature", signatures)]
    }

    #[test]
    fn standard_webhooks_signs_the_id_and_the_time_with_the_body() {
        let key = standard("a");
        let id_of = |letters: &str| signer_of(&[standard("a")], &standard_headers(&key, letters, NOW));
        let longest = "m".repeat(255);

        for id in ["m", "msg_27UH4W", "!~", &longest] {
            assert_eq!(id_of(id), signed_by("a", Some(id)));
        }
        for id in ["", "a.b", "a b", "a\u{e9}", &format!("{longest}m")] {
            assert_eq!(id_of(id), Err(SignatureError::Malformed), "{id}");
        }
        for (offset, outcome) in [(300, signed_by("a", Some("m"))), (-301, Err(SignatureError::Stale))] {
            assert_eq!(signer_of(&[standard("a")], &standard_headers(&key, "m", NOW + offset)), outcome);
        }
    }

    #[test]
    fn github_signs_the_body_and_stripe_the_time_too() {
        let (hub, stripe) = (key("hub", Scheme::GitHub), key("stripe", Scheme::Stripe));
        let of_hub = ("X-Hub-Signature-256", format!("sha256={}", hex(&tag(&hub, ""))));
        let signature = hex(&tag(&stripe, &format!("{NOW}.")));
        let of_stripe = |text: String| [("Stripe-Signature", text)];
        let malformed = Err(SignatureError::Malformed);

        assert_eq!(signer_of(&[hub], &[of_hub]), signed_by("hub", None));
        let keys = [stripe];
        assert_eq!(
            signer_of(&keys, &of_stripe(format!("t={NOW},v0=x,v1=x,v1={signature}"))),
            signed_by("stripe", None)
        );
        let twice = format!("t={NOW},v1={signature},v1={signature}");
        assert_eq!(signer_of(&keys, &of_stripe(twice)), signed_by("stripe", None));
        assert_eq!(signer_of(&keys, &of_stripe(format!("t={NOW},t={NOW},v1={signature}"))), malformed);
        assert_eq!(signer_of(&keys, &of_stripe(format!("v1={signature}"))), malformed);
        assert_eq!(signer_of(&keys, &of_stripe(format!("t={NOW},{signature}"))), malformed);
        assert_eq!(signer_of(&keys, &of_stripe(format!("t={NOW},v0={signature}"))), Err(SignatureError::Wrong));
    }

    #[test]
    fn a_gateway_of_ones_own_signs_in_either_encoding_with_a_time_or_without() {
        for (encoding, time) in [(Encoding::Hex, None), (Encoding::Base64, Some("X-Time"))] {
            let key = key("own", custom(encoding, time));
            let bytes = tag(&key, &time.map(|_| format!("{NOW}.")).unwrap_or_default());
            let text = if encoding == Encoding::Hex { hex(&bytes) } else { STANDARD.encode(bytes) };
            let signature = |prefix: &str| ("X-Signature", format!("{prefix}{text}"));
            let keys = [key];

            assert_eq!(signer_of(&keys, &[signature("v0="), ("X-Time", NOW.to_string())]), signed_by("own", None));
            let without_time = signer_of(&keys, &[signature("v0=")]);
            assert_eq!(without_time.is_ok(), time.is_none());
            assert_eq!(signer_of(&keys, &[signature("v1=")]), Err(SignatureError::Malformed));
        }
    }

    #[test]
    fn only_so_many_signatures_are_looked_at() {
        let key = standard("a");
        let [id, time, (name, _)] = standard_headers(&key, "m", NOW);
        let right = format!("v1,{}", STANDARD.encode(tag(&key, &format!("m.{NOW}."))));
        let with = |others: usize| {
            let signatures = format!("{}{right}", "v1,x ".repeat(others));
            signer_of(&[standard("a")], &[id.clone(), time.clone(), (name, signatures)])
        };

        assert_eq!(with(15), signed_by("a", Some("m")));
        assert_eq!(with(16), Err(SignatureError::Malformed));
    }

    #[test]
    fn one_key_of_several_is_enough_and_else_the_error_is_that_of_the_one_that_got_furthest() {
        let headers = standard_headers(&standard("b"), "m", NOW);
        let twice = [headers.to_vec(), headers.to_vec()].concat();

        for keys in [["a", "b"], ["b", "a"], ["b", "c"]] {
            assert_eq!(signer_of(&keys.map(standard), &headers), signed_by("b", Some("m")));
        }
        assert_eq!(signer_of(&[standard("b"), key("b", Scheme::GitHub)], &headers), signed_by("b", Some("m")));
        assert_eq!(signer_of(&[], &headers), Err(SignatureError::Absent));
        assert_eq!(signer_of(&[standard("a")], &[]), Err(SignatureError::Absent));
        assert_eq!(signer_of(&[standard("a")], &headers), Err(SignatureError::Wrong));
        assert_eq!(signer_of(&[key("a", Scheme::GitHub), standard("a")], &headers), Err(SignatureError::Wrong));
        assert_eq!(signer_of(&[standard("a"), key("a", Scheme::GitHub)], &headers), Err(SignatureError::Wrong));
        assert_eq!(signer_of(&[standard("b")], &twice), Err(SignatureError::Malformed));
    }
}
