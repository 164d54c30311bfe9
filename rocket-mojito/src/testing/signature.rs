use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use rocket::http::Header;

use crate::config::{Encoding, Key, Scheme};

/// The headers with which a gateway signs a body at this moment, in Unix seconds. Gateways that number their messages
/// give this one the id.
pub(super) fn sign(key: &Key, message_id: &str, sent_at: i64, body: &[u8]) -> Vec<Header<'static>> {
    let time = sent_at.to_string();
    let mac = |pieces: &[&str]| -> Vec<u8> {
        let mut mac = key.mac.begin();
        pieces.iter().for_each(|piece| mac.update(piece.as_bytes()));
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    };
    let header = |name: &str, value: String| Header::new(name.to_owned(), value);
    match &key.scheme {
        Scheme::StandardWebhooks { id, timestamp, signature } => {
            let tag = STANDARD.encode(mac(&[message_id, ".", &time, "."]));
            vec![
                header(id, message_id.to_owned()),
                header(timestamp, time.clone()),
                header(signature, format!("v1,{tag}")),
            ]
        }
        Scheme::GitHub => vec![header("X-Hub-Signature-256", format!("sha256={}", hex(&mac(&[]))))],
        Scheme::Stripe => vec![header("Stripe-Signature", format!("t={time},v1={}", hex(&mac(&[&time, "."]))))],
        Scheme::Hmac { header: name, prefix, encoding, timestamp_header } => {
            let tag = match timestamp_header {
                Some(_) => mac(&[&time, "."]),
                None => mac(&[]),
            };
            let tag = match encoding {
                Encoding::Hex => hex(&tag),
                Encoding::Base64 => STANDARD.encode(tag),
            };
            let mut headers = vec![header(name, format!("{prefix}{tag}"))];
            headers.extend(timestamp_header.as_deref().map(|name| header(name, time.clone())));
            headers
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
