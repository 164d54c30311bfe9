use rocket_mojito::SecretConfig;
use rocket_mojito::internals::Gate;

use super::{BODY, SENT_AT, assert_every_byte_counts, gate, verify, verify_at};
use crate::harness::{Headers, Signer, hex};

const KEY: &str = "github-key-0123456789abcdef";
const HEADER: &str = "X-Hub-Signature-256";

fn own() -> Gate {
    gate(SecretConfig::github("a", KEY))
}

fn signer() -> Signer<'static> {
    Signer { key: KEY, sent_at: SENT_AT }
}

fn signed() -> Headers {
    signer().github(BODY)
}

#[test]
fn every_byte_of_the_body_is_signed() {
    assert_every_byte_counts(&own(), &signed(), BODY);
}

#[test]
fn it_carries_no_time_and_is_good_for_ever() {
    for now in [0, SENT_AT, 253_402_300_799] {
        assert!(verify_at(&own(), &signed(), BODY, now).is_ok());
    }
}

#[test]
fn the_digits_have_no_case() {
    let upper = format!("sha256={}", hex(&signer().mac(&[BODY])).to_uppercase());

    assert!(verify(&own(), &signed().with(HEADER, upper), BODY).is_ok());
}

#[test]
fn anything_but_one_sha256_is_refused() {
    let good = signed().value(HEADER).to_owned();
    let digits = good.strip_prefix("sha256=").unwrap();
    let wrong = [
        String::new(),
        digits.to_owned(),
        format!("sha1={}", &digits[..40]),
        format!("SHA256={digits}"),
        format!("sha256={}", &digits[..63]),
        format!("sha256={digits}0"),
        format!("sha256= {digits}"),
        format!("sha256={digits},sha256={digits}"),
        "sha256=".to_owned(),
        format!("sha256={}g", &digits[..63]),
    ];

    for value in wrong {
        let outcome = verify(&own(), &signed().with(HEADER, &*value), BODY);

        assert_eq!(outcome, Err("signature_malformed".to_owned()), "{value}");
    }
    assert_eq!(verify(&own(), &signed().and(HEADER, &good), BODY), Err("signature_malformed".to_owned()));
}

#[test]
fn sha1_alone_is_no_signature() {
    let old = Headers::new(&[("X-Hub-Signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6")]);

    assert_eq!(verify(&own(), &old, BODY), Err("signature_absent".to_owned()));
}
