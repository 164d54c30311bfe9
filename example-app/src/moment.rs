use std::fmt;

use rocket_mojito::Timestamp;
use serde::{Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// The width is fixed, so that the order of the texts is the order of the moments.
const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

const FOR_PEOPLE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]");

/// A moment in UTC, as data and pages show it.
#[derive(Clone, Copy)]
pub(crate) struct Moment(pub Timestamp);

impl Moment {
    /// RFC 3339 with microseconds, for machines.
    pub fn rfc3339(self) -> String {
        self.0.format(RFC_3339).expect("a date and a time are all that the format asks for")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(FOR_PEOPLE).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_keeps_its_fraction_for_machines() {
        let whole = Moment(datetime!(2026-11-03 09:05:00 UTC).into());
        let fraction = Moment(datetime!(2026-11-03 09:05:00.25 UTC).into());

        assert_eq!(whole.rfc3339(), "2026-11-03T09:05:00.000000Z");
        assert_eq!(fraction.rfc3339(), "2026-11-03T09:05:00.250000Z");
        assert_eq!(fraction.to_string(), "3 Nov 2026, 09:05");
    }
}
