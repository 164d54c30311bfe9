//! Signed endpoints: every scheme, against signatures that others made.

mod endpoint;
mod github;
mod hmac;
mod message;
mod rotation;
mod standard_webhooks;
mod stripe;
mod vectors;

use rocket_mojito::internals::Gate;
use rocket_mojito::{SecretConfig, Timestamp};

use crate::harness::Headers;

/// When everything here was signed, unless a test says otherwise: the clock is in the test's hand.
const SENT_AT: i64 = 1_764_000_000;

const BODY: &[u8] = br#"{"id":"r-1","status":"active","interview_status":"completed"}"#;

/// The outcome of verifying: the id of the key, or the cause of the refusal.
fn verify_at(gate: &Gate, headers: &Headers, body: &[u8], now: i64) -> Result<(String, Option<String>), String> {
    let now = Timestamp::from(time::OffsetDateTime::from_unix_timestamp(now).unwrap());
    match gate.verify(&headers.to_map(), body, now) {
        Ok((id, message)) => Ok((id.to_owned(), message)),
        Err(rejection) => {
            assert_eq!(rejection.status().code, 401);
            let text = rejection.to_string();
            Err(text.trim_start_matches("unauthorized (").trim_end_matches(')').to_owned())
        }
    }
}

/// The same at the moment of signing.
fn verify(gate: &Gate, headers: &Headers, body: &[u8]) -> Result<(String, Option<String>), String> {
    verify_at(gate, headers, body, SENT_AT)
}

fn gate(key: SecretConfig) -> Gate {
    Gate::try_new([key]).unwrap()
}

/// Checks that these bytes are refused with every one of them changed, and with some more or less.
#[track_caller]
fn assert_every_byte_counts(gate: &Gate, headers: &Headers, body: &[u8]) {
    assert!(verify(gate, headers, body).is_ok());
    for at in 0..body.len() {
        let mut changed = body.to_vec();
        changed[at] ^= 1;
        assert_eq!(verify(gate, headers, &changed), Err("signature_wrong".to_owned()), "byte {at}");
    }
    let (longer, shorter) = ([body, b" "].concat(), &body[..body.len() - 1]);
    let marked = [b"\xEF\xBB\xBF", body].concat();
    for changed in [&longer, shorter, &marked, b""] {
        assert_eq!(verify(gate, headers, changed), Err("signature_wrong".to_owned()));
    }
}

/// Checks that a signature is good for 300 seconds in either direction, and not a second more.
#[track_caller]
fn assert_window(gate: &Gate, headers: &Headers, body: &[u8]) {
    for (offset, is_fresh) in [(-301, false), (-300, true), (0, true), (300, true), (301, false), (86_400, false)] {
        let outcome = verify_at(gate, headers, body, SENT_AT + offset);

        match is_fresh {
            true => assert!(outcome.is_ok(), "{offset} s: {outcome:?}"),
            false => assert_eq!(outcome, Err("signature_stale".to_owned()), "{offset} s"),
        }
    }
}
