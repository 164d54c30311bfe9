use rocket::http::HeaderMap;

use super::presented::{Presented, list, one};
use super::{Flaw, tag, timestamp};

/// Reads `Stripe-Signature: t=…,v1=…`. Members of other names, `v0` among them, are passed over.
///
/// Source: Stripe, "Verify webhook signatures manually".
pub(super) fn presented<'h>(headers: &'h HeaderMap<'_>) -> Result<Presented<'h>, Flaw> {
    let mut time = None;
    let mut tags = Vec::new();
    for member in list(one(headers, "Stripe-Signature")?, ',')? {
        match member.split_once('=').ok_or(Flaw::Malformed)? {
            ("t", _) if time.is_some() => return Err(Flaw::Malformed),
            ("t", value) => time = Some(value),
            ("v1", value) => tags.extend(tag::from_hex(value)),
            _ => {}
        }
    }
    let time = time.ok_or(Flaw::Malformed)?;
    Ok(Presented { preamble: vec![time, "."], tags, sent_at: Some(timestamp::read(time)?), message_id: None })
}
