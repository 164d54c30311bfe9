use rocket::http::HeaderMap;

use super::tag::Tag;

/// How many signatures one request may present: more would make us compare for somebody.
pub(super) const MAX_SIGNATURES: usize = 16;

/// What the headers of a request say about its signature.
pub(super) struct SignatureHeaders<'h> {
    /// What is signed in front of the body, piece by piece.
    pub preamble: Vec<&'h str>,
    /// The signatures. One that fits is enough.
    pub tags: Vec<Tag>,
    /// When it was signed, in Unix seconds, where the scheme says so.
    pub sent_at: Option<i64>,
    /// The signed id of the message, where the scheme has one.
    pub message_id: Option<&'h str>,
}

/// Why a signature is refused, by how far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SignatureError {
    /// A header that the scheme needs is not there.
    Absent,
    /// A header stands twice, or does not hold what the scheme puts there.
    Malformed,
    /// No key made it, over these bytes.
    Wrong,
    /// It is right, and too old, or from the future.
    Stale,
}

/// The value of a header that must be there once.
pub(super) fn one<'h>(headers: &'h HeaderMap<'_>, name: &str) -> Result<&'h str, SignatureError> {
    let mut values = headers.get(name);
    let first = values.next().ok_or(SignatureError::Absent)?;
    // Two values cannot both be meant: whoever stands between may have judged by the other one.
    match values.next() {
        Some(_) => Err(SignatureError::Malformed),
        None => Ok(first),
    }
}

/// The members of a list, if there are not too many.
pub(super) fn list(text: &str, separator: char) -> Result<impl Iterator<Item = &str>, SignatureError> {
    match text.split(separator).nth(MAX_SIGNATURES) {
        Some(_) => Err(SignatureError::Malformed),
        None => Ok(text.split(separator)),
    }
}
