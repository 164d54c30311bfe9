use rocket::http::HeaderMap;

use super::presented::{Presented, one};
use super::{Flaw, tag, timestamp};
use crate::Encoding;

/// Reads one signature from a header of the gateway's own, and the time from another, if it sends one.
pub(super) fn presented<'h>(
    headers: &'h HeaderMap<'_>,
    header: &str,
    prefix: &str,
    encoding: Encoding,
    timestamp_header: Option<&str>,
) -> Result<Presented<'h>, Flaw> {
    let signature = one(headers, header)?.strip_prefix(prefix).ok_or(Flaw::Malformed)?;
    let tag = match encoding {
        Encoding::Hex => tag::from_hex(signature),
        Encoding::Base64 => tag::from_base64(signature),
    };
    let tags = vec![tag.ok_or(Flaw::Malformed)?];
    let Some(timestamp_header) = timestamp_header else {
        return Ok(Presented { preamble: Vec::new(), tags, sent_at: None, message_id: None });
    };
    let time = one(headers, timestamp_header)?;
    Ok(Presented { preamble: vec![time, "."], tags, sent_at: Some(timestamp::read(time)?), message_id: None })
}
