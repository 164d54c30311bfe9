use rocket::http::HeaderMap;

use super::tag::Tag;

/// The maximum number of signatures in one request, so that no sender can make us compare any number.
pub(super) const MAX_SIGNATURES: usize = 16;

/// The content of a request's signature headers.
pub(super) struct SignatureHeaders<'h> {
    /// The pieces that are signed in front of the body.
    pub preamble: Vec<&'h str>,
    /// The signatures. One that matches is enough.
    pub tags: Vec<Tag>,
    /// The time of signing, in Unix seconds, if the scheme has one.
    pub sent_at: Option<i64>,
    /// The signed id of the message, if the scheme has one.
    pub message_id: Option<&'h str>,
}

/// The reason why a signature is refused. A later variant got further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SignatureError {
    /// A header that the scheme needs is absent.
    Absent,
    /// A header stands twice, or does not have the scheme's format.
    Malformed,
    /// No key made this signature over these bytes.
    Wrong,
    /// The signature is right, but too old, or from the future.
    Stale,
}

/// The value of a header that must be present exactly once.
pub(super) fn one<'h>(headers: &'h HeaderMap<'_>, name: &str) -> Result<&'h str, SignatureError> {
    let mut values = headers.get(name);
    let first = values.next().ok_or(SignatureError::Absent)?;
    // Two values are ambiguous: a proxy in between may have judged by the other one.
    match values.next() {
        Some(_) => Err(SignatureError::Malformed),
        None => Ok(first),
    }
}

/// The members of a list, if they are not too many.
pub(super) fn list(text: &str, separator: char) -> Result<impl Iterator<Item = &str>, SignatureError> {
    match text.split(separator).nth(MAX_SIGNATURES) {
        Some(_) => Err(SignatureError::Malformed),
        None => Ok(text.split(separator)),
    }
}
