use rocket::http::HeaderMap;

use super::tag::Tag;

/// How many signatures one request may present: more would make us compare for somebody.
pub(super) const MOST: usize = 16;

/// What the headers of a request say about its signature.
pub(super) struct Presented<'h> {
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
pub(crate) enum Flaw {
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
pub(super) fn one<'h>(headers: &'h HeaderMap<'_>, name: &str) -> Result<&'h str, Flaw> {
    let mut values = headers.get(name);
    let first = values.next().ok_or(Flaw::Absent)?;
    // Two values cannot both be meant: whoever stands between may have judged by the other one.
    match values.next() {
        Some(_) => Err(Flaw::Malformed),
        None => Ok(first),
    }
}

/// The members of a list, if there are not too many.
pub(super) fn list(text: &str, separator: char) -> Result<impl Iterator<Item = &str>, Flaw> {
    match text.split(separator).nth(MOST) {
        Some(_) => Err(Flaw::Malformed),
        None => Ok(text.split(separator)),
    }
}
