//! The header format of each scheme: one function a scheme.

use rocket::http::HeaderMap;

use super::headers::{SignatureHeaders, list, one};
use super::{SignatureError, tag, timestamp};
use crate::Encoding;

/// The maximum length of a message's id.
const MAX_ID_LENGTH: usize = 255;

/// Reads the three headers. Signatures of versions other than `v1` are ignored.
///
/// Source: Standard Webhooks 1.0, "Webhook headers (sending metadata to consumers)".
pub(super) fn standard_webhooks<'h>(
    headers: &'h HeaderMap<'_>,
    [id, timestamp, signature]: [&str; 3],
) -> Result<SignatureHeaders<'h>, SignatureError> {
    let id = one(headers, id)?;
    let time = one(headers, timestamp)?;
    let signatures = one(headers, signature)?;
    if !is_message_id(id) {
        return Err(SignatureError::Malformed);
    }
    let sent_at = timestamp::read(time)?;
    let tags = list(signatures, ' ')?.filter_map(|entry| tag::from_base64(entry.strip_prefix("v1,")?)).collect();
    Ok(SignatureHeaders { preamble: vec![id, ".", time, "."], tags, sent_at: Some(sent_at), message_id: Some(id) })
}

/// With a full stop in an id, two messages could be signed as the same bytes.
fn is_message_id(id: &str) -> bool {
    (1..=MAX_ID_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

/// Reads `X-Hub-Signature-256: sha256=…`. The older `X-Hub-Signature`, with SHA-1, is ignored.
///
/// Source: GitHub, "Validating webhook deliveries".
pub(super) fn github<'h>(headers: &'h HeaderMap<'_>) -> Result<SignatureHeaders<'h>, SignatureError> {
    let signature = one(headers, "X-Hub-Signature-256")?;
    let tag = signature.strip_prefix("sha256=").and_then(tag::from_hex).ok_or(SignatureError::Malformed)?;
    Ok(SignatureHeaders { preamble: Vec::new(), tags: vec![tag], sent_at: None, message_id: None })
}

/// Reads `Stripe-Signature: t=…,v1=…`. Members of other names, `v0` among them, are ignored.
///
/// Source: Stripe, "Verify webhook signatures manually".
pub(super) fn stripe<'h>(headers: &'h HeaderMap<'_>) -> Result<SignatureHeaders<'h>, SignatureError> {
    let mut time = None;
    let mut tags = Vec::new();
    for member in list(one(headers, "Stripe-Signature")?, ',')? {
        match member.split_once('=').ok_or(SignatureError::Malformed)? {
            ("t", _) if time.is_some() => return Err(SignatureError::Malformed),
            ("t", value) => time = Some(value),
            ("v1", value) => tags.extend(tag::from_hex(value)),
            _ => {}
        }
    }
    let time = time.ok_or(SignatureError::Malformed)?;
    Ok(SignatureHeaders { preamble: vec![time, "."], tags, sent_at: Some(timestamp::read(time)?), message_id: None })
}

/// Reads one signature from a header of the gateway's own, and the time from another, if one is configured.
pub(super) fn hmac<'h>(
    headers: &'h HeaderMap<'_>,
    header: &str,
    prefix: &str,
    encoding: Encoding,
    timestamp_header: Option<&str>,
) -> Result<SignatureHeaders<'h>, SignatureError> {
    let signature = one(headers, header)?.strip_prefix(prefix).ok_or(SignatureError::Malformed)?;
    let tag = match encoding {
        Encoding::Hex => tag::from_hex(signature),
        Encoding::Base64 => tag::from_base64(signature),
    };
    let tags = vec![tag.ok_or(SignatureError::Malformed)?];
    let Some(timestamp_header) = timestamp_header else {
        return Ok(SignatureHeaders { preamble: Vec::new(), tags, sent_at: None, message_id: None });
    };
    let time = one(headers, timestamp_header)?;
    Ok(SignatureHeaders { preamble: vec![time, "."], tags, sent_at: Some(timestamp::read(time)?), message_id: None })
}
