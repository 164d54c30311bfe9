use rocket_mojito::SecretConfig;
use rocket_mojito::internals::Gate;

use super::{BODY, SENT_AT, assert_every_byte_counts, assert_window, gate, verify};
use crate::harness::{Headers, Signer, base64};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn own() -> Gate {
    gate(SecretConfig::standard_webhooks("a", KEY))
}

fn signer() -> Signer<'static> {
    Signer { key: KEY, sent_at: SENT_AT }
}

fn signed() -> Headers {
    signer().standard_webhooks("msg_1", BODY)
}

#[track_caller]
fn assert_refused(headers: &Headers, cause: &str) {
    assert_eq!(verify(&own(), headers, BODY), Err(cause.to_owned()), "{headers:?}");
}

#[test]
fn what_the_library_signs_is_verified_with_its_id() {
    for id in ["msg_1", "a", "7f6b2f0e-58c1-4f0a-9a55-0d2c3b1e4a01", &"x".repeat(255)] {
        let outcome = verify(&own(), &signer().standard_webhooks(id, BODY), BODY);

        assert_eq!(outcome, Ok(("a".to_owned(), Some(id.to_owned()))));
    }
}

#[test]
fn every_byte_of_the_body_is_signed() {
    assert_every_byte_counts(&own(), &signed(), BODY);
}

#[test]
fn the_same_json_written_otherwise_is_another_body() {
    let value: serde_json::Value = serde_json::from_slice(BODY).unwrap();

    let outcome = verify(&own(), &signed(), serde_json::to_string_pretty(&value).unwrap().as_bytes());

    assert_eq!(outcome, Err("signature_wrong".to_owned()));
}

#[test]
fn id_and_time_are_signed_too() {
    assert_refused(&signed().with("webhook-id", "msg_2"), "signature_wrong");
    assert_refused(&signed().with("webhook-timestamp", (SENT_AT + 1).to_string()), "signature_wrong");
}

#[test]
fn it_is_good_for_300_seconds() {
    assert_window(&own(), &signed(), BODY);
}

#[test]
fn each_header_must_be_there_once() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = signed().value(name).to_owned();

        assert_refused(&signed().without(name), "signature_absent");
        assert_refused(&signed().and(name, &value), "signature_malformed");
        assert_refused(&signed().and(name, ""), "signature_malformed");
        assert!(verify(&own(), &signed().with(name, ""), BODY).is_err(), "{name} is empty");
        assert!(verify(&own(), &signed().with(name, format!("{value},{value}")), BODY).is_err(), "{name} in a list");
    }
}

// Shows F62.
#[test]
fn a_time_that_is_none_is_refused() {
    let absurd = [
        "",
        "0",
        "-1",
        "+1764000000",
        "01764000000",
        "1764000000.0",
        "1764000000 ",
        "1e9",
        "NaN",
        "0x69247300",
        "2026-11-23T10:00:00Z",
        "99999999999999999999",
        "1000000000000000000000000000000",
    ];
    for time in absurd {
        assert_refused(&signed().with("webhook-timestamp", time), "signature_malformed");
    }
}

// Shows F62.
#[test]
fn a_time_far_away_is_refused_although_it_is_signed() {
    for sent_at in [1, 2_147_483_648, 253_402_300_799, i64::MAX] {
        let headers = Signer { key: KEY, sent_at }.standard_webhooks("msg_1", BODY);

        assert_refused(&headers, "signature_stale");
    }
}

#[test]
fn an_id_that_could_be_read_in_two_ways_or_is_no_id_is_refused_although_it_is_signed() {
    for id in ["a.b", ".", "a b", "a\tb", "a\u{1}b", "a\u{7f}", &"x".repeat(256), &"x".repeat(10_240)] {
        assert_refused(&signer().standard_webhooks(id, BODY), "signature_malformed");
    }
}

#[test]
fn one_good_signature_among_up_to_16_is_enough_wherever_it_stands() {
    let good = signed().value("webhook-signature").to_owned();
    let other = Signer { key: OTHER, sent_at: SENT_AT }.standard_webhooks("msg_1", BODY);
    let wrong = other.value("webhook-signature");
    let list = |before: usize, after: usize| {
        let entries = [vec![wrong; before], vec![&good], vec![wrong; after]].concat();
        signed().with("webhook-signature", entries.join(" "))
    };

    for (before, after) in [(0, 0), (1, 0), (0, 1), (15, 0), (0, 15), (7, 8)] {
        assert!(verify(&own(), &list(before, after), BODY).is_ok(), "{before} before, {after} after");
    }
    for (before, after) in [(16, 0), (0, 16), (999, 0)] {
        assert_refused(&list(before, after), "signature_malformed");
    }
}

#[test]
fn other_versions_are_passed_over_and_never_taken_for_v1() {
    let good = signed().value("webhook-signature").to_owned();
    let tag = good.strip_prefix("v1,").unwrap();
    let beside = |other: &str| signed().with("webhook-signature", format!("{other} {good} {other}"));

    for other in ["v2,abc", "v1a,abc", "v0,", "nonsense", "v1", ",", "v1,"] {
        assert!(verify(&own(), &beside(other), BODY).is_ok(), "beside {other}");
    }
    for version in ["v1a", "v2", "v0", "V1", "v1 ", "", "v1,v1"] {
        assert_refused(&signed().with("webhook-signature", format!("{version},{tag}")), "signature_wrong");
    }
    assert_refused(&signed().with("webhook-signature", tag), "signature_wrong");
}

#[test]
fn a_signature_that_is_not_canonical_base64_is_refused() {
    // A signature in which each form that is wrong differs from the right one.
    let odd = |tag: &str| tag.contains('+') && tag.contains('/');
    let signatures = (0..10_000).map(|n| signer().standard_webhooks(&format!("msg_{n}"), BODY));
    let headers = signatures.into_iter().find(|headers| odd(headers.value("webhook-signature"))).unwrap();
    let good = headers.value("webhook-signature").to_owned();
    let wrong = [
        good.trim_end_matches('=').to_owned(),
        good.replace('+', "-").replace('/', "_"),
        format!("{good}="),
        format!("{good}x"),
        good.replace("v1,", "v1, "),
        good.replace("v1,", "v1,\t"),
        good.to_uppercase(),
    ];

    assert!(verify(&own(), &headers, BODY).is_ok());
    for wrong in wrong {
        assert_refused(&headers.clone().with("webhook-signature", &*wrong), "signature_wrong");
    }
}

#[test]
fn each_of_two_keys_is_good_and_a_third_is_not() {
    let two = [SecretConfig::standard_webhooks("a", KEY), SecretConfig::standard_webhooks("b", OTHER)];
    let both = Gate::try_new(two).unwrap();
    let third = format!("whsec_{}", base64(&[9; 32]));
    let sign = |key: &str| Signer { key, sent_at: SENT_AT }.standard_webhooks("msg_1", BODY);

    assert_eq!(verify(&both, &sign(KEY), BODY).unwrap().0, "a");
    assert_eq!(verify(&both, &sign(OTHER), BODY).unwrap().0, "b");
    assert_eq!(verify(&both, &sign(&third), BODY), Err("signature_wrong".to_owned()));
}

#[test]
fn headers_of_another_prefix_are_read_where_that_is_set() {
    let svix = gate(SecretConfig::standard_webhooks("a", KEY).header_prefix("svix"));
    let renamed = signed().0.into_iter().map(|(name, value)| (name.replace("webhook", "svix"), value));
    let headers = Headers(renamed.collect());

    assert!(verify(&svix, &headers, BODY).is_ok());
    assert_eq!(verify(&svix, &signed(), BODY), Err("signature_absent".to_owned()));
    assert_refused(&headers, "signature_absent");
}
