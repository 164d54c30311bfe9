use rocket::http::HeaderMap;

use super::presented::{Presented, list, one};
use super::{Flaw, tag, timestamp};

/// The longest id of a message.
const LONGEST_ID: usize = 255;

/// Reads the three headers. Signatures of other versions than `v1` are passed over, never taken for one.
///
/// Source: Standard Webhooks 1.0, "Webhook headers (sending metadata to consumers)".
pub(super) fn presented<'h>(
    headers: &'h HeaderMap<'_>,
    [id, timestamp, signature]: [&str; 3],
) -> Result<Presented<'h>, Flaw> {
    let id = one(headers, id)?;
    let time = one(headers, timestamp)?;
    let signatures = one(headers, signature)?;
    if !is_message_id(id) {
        return Err(Flaw::Malformed);
    }
    let sent_at = timestamp::read(time)?;
    let tags = list(signatures, ' ')?.filter_map(|entry| tag::from_base64(entry.strip_prefix("v1,")?)).collect();
    Ok(Presented { preamble: vec![id, ".", time, "."], tags, sent_at: Some(sent_at), message_id: Some(id) })
}

/// With a full stop in an id, two messages could be signed as the same bytes.
fn is_message_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}
