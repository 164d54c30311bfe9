use std::fmt;
use std::ops::Deref;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::SqlType;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime, UtcOffset};

/// The SQL type of a [`Timestamp`]: one for every backend.
///
/// Postgres stores it as `timestamptz`. SQLite stores it as text, `YYYY-MM-DD HH:MM:SS.ffffff`, in the form of SQLite's
/// own `datetime()`. That text can be read by eye, compared as text and given to every date function.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Text")))]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 1184, array_oid = 1185)))]
pub struct UtcTimestamp;

/// A moment in UTC, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = UtcTimestamp)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// A moment before every stored one.
    pub const MIN: Self = Self(datetime!(0001-01-01 00:00 UTC));

    /// A moment after every stored one.
    pub const MAX: Self = Self(datetime!(9999-12-31 23:59:59.999_999 UTC));

    /// The present moment by this machine's clock.
    pub fn now() -> Self {
        OffsetDateTime::now_utc().into()
    }

    /// A moment in the form of RFC 3339, such as `2026-11-23T10:00:00Z`. `None` where the text has another form.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(Self::from)
    }

    /// The moment that lies `pause` after this one, or the last there is.
    pub fn after(self, pause: std::time::Duration) -> Self {
        let pause = Duration::try_from(pause).unwrap_or(Duration::MAX);
        Self(self.0.saturating_add(pause))
    }

    /// The moment that lies `pause` before this one, or the first there is.
    pub fn before(self, pause: std::time::Duration) -> Self {
        let pause = Duration::try_from(pause).unwrap_or(Duration::MAX);
        Self(self.0.saturating_sub(pause))
    }
}

impl From<OffsetDateTime> for Timestamp {
    // Both databases keep microseconds, and a moment must be the same when it is read back.
    fn from(moment: OffsetDateTime) -> Self {
        let moment = moment.to_offset(UtcOffset::UTC);
        let whole = moment.nanosecond() / 1_000 * 1_000;
        Self(moment.replace_nanosecond(whole).expect("less than a second"))
    }
}

/// In the form of RFC 3339: `2026-11-23T10:00:00.5Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Deref for Timestamp {
    type Target = OffsetDateTime;

    fn deref(&self) -> &OffsetDateTime {
        &self.0
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::ops::Range;

    use diesel::serialize::IsNull;
    use diesel::sql_types::Timestamp as SqliteTimestamp;
    use diesel::sqlite::{Sqlite, SqliteValue};
    use time::PrimitiveDateTime;

    use super::*;

    impl FromSql<UtcTimestamp, Sqlite> for Timestamp {
        fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let moment = <PrimitiveDateTime as FromSql<SqliteTimestamp, Sqlite>>::from_sql(value)?;
            Ok(Self(moment.assume_utc()))
        }
    }

    impl ToSql<UtcTimestamp, Sqlite> for Timestamp {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(text(self.0));
            Ok(IsNull::No)
        }
    }

    // The width is fixed, so that the order of the texts is the order of the moments. The digits are written one by
    // one: the formatter, called four times a delivery, would be a tenth of recording it.
    fn text(moment: OffsetDateTime) -> String {
        let mut text = *b"0000-00-00 00:00:00.000000";
        let mut write = |mut number: u32, places: Range<usize>| {
            for place in places.rev() {
                text[place] += (number % 10) as u8;
                number /= 10;
            }
        };
        write(moment.year().unsigned_abs(), 0..4);
        write(u8::from(moment.month()).into(), 5..7);
        write(moment.day().into(), 8..10);
        write(moment.hour().into(), 11..13);
        write(moment.minute().into(), 14..16);
        write(moment.second().into(), 17..19);
        write(moment.microsecond(), 20..26);
        str::from_utf8(&text).expect("digits").to_owned()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn texts_sort_as_the_moments_do() {
            let moments = [
                datetime!(2026-11-23 09:59:59.999_999 UTC),
                datetime!(2026-11-23 10:00:00 UTC),
                datetime!(2026-11-23 10:00:00.000_001 UTC),
                datetime!(2026-11-23 12:00:00 +1),
            ];

            let texts = moments.map(|moment| text(*Timestamp::from(moment)));

            assert!(texts.is_sorted(), "{texts:?}");
            assert_eq!(texts[3], "2026-11-23 11:00:00.000000");
            assert_eq!(texts[0], "2026-11-23 09:59:59.999999");
            assert_eq!(text(*Timestamp::MIN), "0001-01-01 00:00:00.000000");
            assert_eq!(text(*Timestamp::MAX), "9999-12-31 23:59:59.999999");
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::pg::{Pg, PgValue};
    use diesel::sql_types::Timestamptz;

    use super::*;

    impl FromSql<UtcTimestamp, Pg> for Timestamp {
        fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
            <OffsetDateTime as FromSql<Timestamptz, Pg>>::from_sql(value).map(Self)
        }
    }

    impl ToSql<UtcTimestamp, Pg> for Timestamp {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            <OffsetDateTime as ToSql<Timestamptz, Pg>>::to_sql(&self.0, out)
        }
    }
}
