use rocket::http::HeaderMap;

use super::presented::{Presented, one};
use super::{Flaw, tag};

/// Reads `X-Hub-Signature-256: sha256=…`. The older `X-Hub-Signature`, with SHA-1, is not looked at.
///
/// Source: GitHub, "Validating webhook deliveries".
pub(super) fn presented<'h>(headers: &'h HeaderMap<'_>) -> Result<Presented<'h>, Flaw> {
    let signature = one(headers, "X-Hub-Signature-256")?;
    let tag = signature.strip_prefix("sha256=").and_then(tag::from_hex).ok_or(Flaw::Malformed)?;
    Ok(Presented { preamble: Vec::new(), tags: vec![tag], sent_at: None, message_id: None })
}
