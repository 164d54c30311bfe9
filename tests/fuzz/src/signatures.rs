use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;
use rocket::http::{Header, HeaderMap};
use rocket_mojito::internals::Gate;
use rocket_mojito::{SecretConfig, Timestamp};

/// 32 bytes, as text.
const KEY: &str = "fuzz-key-0123456789abcdef0123456";

/// The Unix time of all that happens here, in seconds.
const NOW: i64 = 1_700_000_000;

/// The Unix time of `Timestamp::MIN`.
const FIRST: i64 = -62_135_596_800;

/// The first byte chooses a scheme; then come headers, a line each, `name: value`, an empty line, and the body. What
/// no fuzzer could guess it may ask for: `<1>` is the HMAC that the scheme wants over what the headers and the body
/// say, in hexadecimal digits, `<2>` the same in base64, `<3>` that of the body alone, `<0>` the time.
///
/// Accepted just where the scheme's headers stand there once each, well-formed, with a signature that fits, in time.
pub fn signatures(input: &[u8]) {
    let Some((scheme, rest)) = input.split_first() else { return };
    let at = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
    let (head, body) = rest.split_at(at);
    let head = String::from_utf8_lossy(head).replace("<0>", &NOW.to_string());
    let lines: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let oracle = Oracle { scheme: scheme % 4, lines: &lines, body };
    let wanted = HMAC::mac(oracle.signed(), KEY);
    let fill = |value: &str| {
        let value = value.replace("<1>", &hex(&wanted)).replace("<2>", &STANDARD.encode(wanted));
        value.replace("<3>", &hex(&HMAC::mac(body, KEY)))
    };
    let filled: Vec<(&str, String)> = lines.iter().map(|(name, value)| (*name, fill(value))).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in &filled {
        headers.add(Header::new((*name).to_owned(), value.clone()));
    }
    let now = Timestamp::MIN.after(Duration::from_secs(NOW.abs_diff(FIRST)));

    let found = gate(scheme % 4).verify(&headers, body, now).map_err(|rejection| rejection.code());

    let filled: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let expected = Oracle { lines: &filled, ..oracle }.accepts();
    assert_eq!(found, expected.map(|id| ("fuzz", id)).ok_or("unauthorized"));
}

fn gate(scheme: u8) -> &'static Gate {
    static GATES: OnceLock<[Gate; 4]> = OnceLock::new();
    let gates = GATES.get_or_init(|| {
        let in_base64 = format!("whsec_{}", STANDARD.encode(KEY));
        let own = SecretConfig::hmac("fuzz", "X-Signature", KEY).prefix("v1=").timestamp_header("X-Time");
        let secrets = [
            SecretConfig::standard_webhooks("fuzz", in_base64),
            SecretConfig::stripe("fuzz", KEY),
            SecretConfig::github("fuzz", KEY),
            own,
        ];
        secrets.map(|secret| Gate::try_new([secret]).expect("a sound key"))
    });
    &gates[usize::from(scheme)]
}

/// What the documents of the schemes say, and the design.
struct Oracle<'a> {
    scheme: u8,
    lines: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

impl<'a> Oracle<'a> {
    /// The value of a header that stands there once.
    fn one(&self, name: &str) -> Option<&'a str> {
        let mut values = self.lines.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        let value = values.next()?.1;
        values.next().is_none().then_some(value)
    }

    /// The time that is presented, as it is written.
    fn time(&self) -> Option<&'a str> {
        match self.scheme {
            0 => self.one("webhook-timestamp"),
            1 => self.one("Stripe-Signature")?.split(',').find_map(|member| member.strip_prefix("t=")),
            2 => None,
            _ => self.one("X-Time"),
        }
    }

    /// The bytes that a signature has to be over.
    fn signed(&self) -> Vec<u8> {
        let (id, time) = (self.one("webhook-id").unwrap_or_default(), self.time().unwrap_or_default());
        let preamble = match self.scheme {
            0 => format!("{id}.{time}."),
            2 => String::new(),
            _ => format!("{time}."),
        };
        [preamble.as_bytes(), self.body].concat()
    }

    /// The id of the message, if any, where the request is accepted.
    fn accepts(&self) -> Option<Option<String>> {
        let mac = HMAC::mac(self.signed(), KEY);
        let is_hex = |text: &str| text.eq_ignore_ascii_case(&hex(&mac));
        match self.scheme {
            0 => {
                let id = self.one("webhook-id")?;
                let is_id = (1..=255).contains(&id.len()) && id.chars().all(|c| matches!(c, '!'..='~') && c != '.');
                let entries: Vec<&str> = self.one("webhook-signature")?.split(' ').collect();
                let wanted = format!("v1,{}", STANDARD.encode(mac));
                let fits = entries.len() <= 16 && entries.contains(&wanted.as_str());
                (is_id && fits && self.is_in_time()).then(|| Some(id.to_owned()))
            }
            1 => {
                let members: Vec<&str> = self.one("Stripe-Signature")?.split(',').collect();
                let is_whole = members.len() <= 16 && members.iter().all(|member| member.contains('='));
                let has_one_time = members.iter().filter(|member| member.starts_with("t=")).count() == 1;
                let fits = members.iter().any(|member| member.strip_prefix("v1=").is_some_and(is_hex));
                (is_whole && has_one_time && fits && self.is_in_time()).then_some(None)
            }
            2 => self.one("X-Hub-Signature-256")?.strip_prefix("sha256=").is_some_and(is_hex).then_some(None),
            _ => {
                let fits = self.one("X-Signature")?.strip_prefix("v1=").is_some_and(is_hex);
                (fits && self.is_in_time()).then_some(None)
            }
        }
    }

    /// Plain digits, as a number prints, and at most 300 seconds from now.
    fn is_in_time(&self) -> bool {
        let Some(text) = self.time() else { return false };
        let time: Option<i64> = text.parse().ok();
        time.is_some_and(|time| time > 0 && time.to_string() == text && (NOW - 300..=NOW + 300).contains(&time))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
