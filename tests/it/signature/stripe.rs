use rocket_mojito::SecretConfig;
use rocket_mojito::internals::Gate;

use super::{BODY, SENT_AT, assert_every_byte_counts, assert_window, gate, verify};
use crate::harness::{Headers, Signer};

const KEY: &str = "whsec_0123456789abcdefghijklmnopqrstuv";

fn own() -> Gate {
    gate(SecretConfig::stripe("a", KEY))
}

fn signer() -> Signer<'static> {
    Signer { key: KEY, sent_at: SENT_AT }
}

fn with(value: &str) -> Headers {
    Headers::new(&[("Stripe-Signature", value)])
}

#[test]
fn every_byte_of_the_body_is_signed() {
    assert_every_byte_counts(&own(), &signer().stripe(BODY), BODY);
}

#[test]
fn it_is_good_for_300_seconds() {
    assert_window(&own(), &signer().stripe(BODY), BODY);
}

#[test]
fn one_v1_that_fits_is_enough_among_what_else_is_in_the_header() {
    let (good, bad) = (signer().stripe_v1(BODY), "0".repeat(64));
    let taken = [
        format!("t={SENT_AT},v1={good}"),
        format!("v1={good},t={SENT_AT}"),
        format!("t={SENT_AT},v1={bad},v1={good}"),
        format!("t={SENT_AT},v1={good},v1={bad},v0={bad}"),
        format!("t={SENT_AT},v0={bad},v2=x,new=,v1={good}"),
        format!("t={SENT_AT},v1=short,v1={good}"),
        format!("t={SENT_AT}{},v1={good}", format!(",v1={bad}").repeat(14)),
    ];

    for value in taken {
        assert!(verify(&own(), &with(&value), BODY).is_ok(), "{value}");
    }
}

#[test]
fn without_a_v1_or_with_other_than_one_t_it_is_refused() {
    let (good, bad) = (signer().stripe_v1(BODY), "0".repeat(64));
    let refused = [
        (format!("t={SENT_AT},v1={bad}"), "signature_wrong"),
        (format!("t={SENT_AT},v0={good}"), "signature_wrong"),
        (format!("t={SENT_AT},V1={good}"), "signature_wrong"),
        (format!("t={SENT_AT}, v1={good}"), "signature_wrong"),
        (format!("t={SENT_AT}"), "signature_wrong"),
        (format!("t={},v1={good}", SENT_AT + 1), "signature_wrong"),
        (format!("v1={good}"), "signature_malformed"),
        (format!("t={SENT_AT},t={SENT_AT},v1={good}"), "signature_malformed"),
        (format!("t=1,t={SENT_AT},v1={good}"), "signature_malformed"),
        (format!("t=,v1={good}"), "signature_malformed"),
        (format!("t=+{SENT_AT},v1={good}"), "signature_malformed"),
        (format!("t=0{SENT_AT},v1={good}"), "signature_malformed"),
        (format!("t={SENT_AT},v1={good},"), "signature_malformed"),
        (format!("t={SENT_AT}{},v1={good}", format!(",v1={bad}").repeat(15)), "signature_malformed"),
        (String::new(), "signature_malformed"),
        (good.clone(), "signature_malformed"),
    ];

    for (value, cause) in refused {
        assert_eq!(verify(&own(), &with(&value), BODY), Err(cause.to_owned()), "{value}");
    }
    let value = format!("t={SENT_AT},v1={good}");
    let twice = with(&value).and("stripe-signature", &value);
    assert_eq!(verify(&own(), &twice, BODY), Err("signature_malformed".to_owned()));
    assert_eq!(verify(&own(), &Headers::default(), BODY), Err("signature_absent".to_owned()));
}
