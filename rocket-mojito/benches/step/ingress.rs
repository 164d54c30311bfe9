use std::hint::black_box;

use mojito_schema::Fingerprint;
use mojito_schema::internals::standing_after;
use rocket::http::{Header, HeaderMap};
use rocket_mojito::internals::{Gate, delivery, is_usable};
use rocket_mojito::{EndpointConfig, EventKind, MojitoConfig, SecretConfig, Standing};

use super::{body, plain_body};

const HEADER: &str = "X-Mojito-Secret";
const SECRETS: [&str; 2] = ["only-for-measurements-0123456789", "only-for-measurements-9876543210"];

/// One of two secrets, as in the middle of a rotation.
pub(super) fn authenticate(_calls: u64) -> Box<dyn FnMut()> {
    let secret = |number: usize| SecretConfig::header(number.to_string(), HEADER, SECRETS[number]);
    let endpoint = EndpointConfig::new().secret(secret(0)).secret(secret(1));
    let gate = Gate::of_config(&MojitoConfig::new().endpoint("default", endpoint)).expect("sound settings");
    let mut headers = HeaderMap::new();
    headers.add(Header::new(HEADER, SECRETS[1]));
    Box::new(move || assert!(gate.authenticate(black_box(&headers)).is_ok()))
}

pub(super) fn parse(_calls: u64) -> Box<dyn FnMut()> {
    read(body(0, 5.12))
}

pub(super) fn parse_plain(_calls: u64) -> Box<dyn FnMut()> {
    read(plain_body())
}

fn read(body: Vec<u8>) -> Box<dyn FnMut()> {
    Box::new(move || assert!(is_usable(black_box(&body))))
}

pub(super) fn fingerprint(_calls: u64) -> Box<dyn FnMut()> {
    let body = body(0, 5.12);
    Box::new(move || {
        black_box(Fingerprint::new("default", EventKind::InterviewResult, black_box(&body)));
    })
}

/// A score that has changed.
pub(super) fn standing(_calls: u64) -> Box<dyn FnMut()> {
    let (former, next) = (delivery(body(0, 5.12)), delivery(body(0, 4.89)));
    Box::new(move || assert_eq!(standing_after(black_box(&former), black_box(&next)), Standing::Current))
}
