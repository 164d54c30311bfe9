use rocket_mojito::internals::Gate;
use rocket_mojito::{Encoding, SecretConfig};

use super::{BODY, SENT_AT, assert_every_byte_counts, assert_window, gate, verify};
use crate::harness::{Headers, Signer, base64, hex};

const KEY: &str = "gateway-key-0123456789abcdef";

fn signer() -> Signer<'static> {
    Signer { key: KEY, sent_at: SENT_AT }
}

fn own() -> SecretConfig {
    SecretConfig::hmac("a", "X-Signature", KEY)
}

fn timed() -> Gate {
    gate(own().timestamp_header("X-Time"))
}

/// A header with this value.
fn with(value: String) -> Headers {
    Headers::new(&[("X-Signature", &value)])
}

fn signed_with_time() -> Headers {
    let tag = signer().mac(&[SENT_AT.to_string().as_bytes(), b".", BODY]);
    with(hex(&tag)).and("X-Time", &SENT_AT.to_string())
}

#[test]
fn each_way_of_writing_is_verified_where_it_is_set_and_nowhere_else() {
    let tag = signer().mac(&[BODY]);
    let written = [hex(&tag), base64(&tag), format!("v1={}", hex(&tag)), format!("sig={}", base64(&tag))];
    let gates = [
        gate(own()),
        gate(own().encoding(Encoding::Base64)),
        gate(own().prefix("v1=")),
        gate(own().prefix("sig=").encoding(Encoding::Base64)),
    ];

    for (row, gate) in gates.iter().enumerate() {
        for (column, value) in written.iter().enumerate() {
            let outcome = verify(gate, &with(value.clone()), BODY);

            assert_eq!(outcome.is_ok(), row == column, "{value} where {row} is set: {outcome:?}");
        }
    }
}

#[test]
fn every_byte_of_the_body_is_signed() {
    assert_every_byte_counts(&gate(own()), &with(hex(&signer().mac(&[BODY]))), BODY);
    assert_every_byte_counts(&timed(), &signed_with_time(), BODY);
}

#[test]
fn with_a_time_it_is_good_for_300_seconds() {
    assert_window(&timed(), &signed_with_time(), BODY);
}

#[test]
fn the_time_is_signed_and_must_be_there_once() {
    let refused = [
        (signed_with_time().without("X-Time"), "signature_absent"),
        (signed_with_time().with("X-Time", (SENT_AT + 1).to_string()), "signature_wrong"),
        (signed_with_time().with("X-Time", format!("0{SENT_AT}")), "signature_malformed"),
        (signed_with_time().and("X-Time", &SENT_AT.to_string()), "signature_malformed"),
        (signed_with_time().without("X-Signature"), "signature_absent"),
        (with(hex(&signer().mac(&[BODY]))).and("X-Time", &SENT_AT.to_string()), "signature_wrong"),
    ];

    for (headers, cause) in refused {
        assert_eq!(verify(&timed(), &headers, BODY), Err(cause.to_owned()), "{headers:?}");
    }
}

#[test]
fn a_time_and_a_body_are_no_body_of_a_key_that_signs_no_time() {
    let headers = with(signed_with_time().value("X-Signature").to_owned());

    assert_eq!(verify(&gate(own()), &headers, BODY), Err("signature_wrong".to_owned()));
}
