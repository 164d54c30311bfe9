use rocket_mojito::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::moment::Moment;

/// How far a list has come: a page begins behind it. Lists go from the newest to the oldest, by this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// When the row last changed.
    pub updated_at: Timestamp,
    /// The endpoint of its result.
    pub endpoint: String,
    /// The vendor's id of its result.
    pub result_id: String,
}

impl Place {
    /// The place before every row.
    pub fn first() -> Self {
        Self { updated_at: Timestamp::MAX, endpoint: String::new(), result_id: String::new() }
    }

    /// The place behind every row that changed at this moment or later.
    pub fn behind(updated_at: Timestamp) -> Self {
        Self { updated_at, ..Self::first() }
    }

    /// Parses a text that [`word`](Self::word) has written; none for any other text.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, ' ');
        let (moment, endpoint, result_id) = (parts.next()?, parts.next()?, parts.next()?);
        let updated_at = OffsetDateTime::parse(moment, &Rfc3339).ok()?.into();
        // No stored text holds NUL, and Postgres refuses it.
        let is_text = !word.contains('\0');
        is_text.then(|| Self { updated_at, endpoint: endpoint.to_owned(), result_id: result_id.to_owned() })
    }

    /// The place as a link carries it.
    pub fn word(&self) -> String {
        format!("{} {} {}", Moment(self.updated_at).rfc3339(), self.endpoint, self.result_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_by_its_word() {
        let place = Place { updated_at: Timestamp::now(), endpoint: "default".into(), result_id: "a b  ü%".into() };

        assert_eq!(Place::from_word(&place.word()), Some(place));
        assert_eq!(Place::from_word(&Place::first().word()), Some(Place::first()));
    }

    #[test]
    fn any_other_word_is_no_place() {
        for word in ["", "x", "2026-11-23T07:32:58Z", "2026-11-23T07:32:58Z a", "2026 a b", "2026-11-23T07:32:58Z a \0"]
        {
            assert_eq!(Place::from_word(word), None, "{word}");
        }
    }
}
