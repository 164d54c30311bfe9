use std::fmt;

/// A number of the payload, as it was sent: `4.212` stays `4.212`, and `5` does not become `5.0`.
///
/// `Display` prints the digits of the body. Two numbers are equal if their doubles are, as in the tables.
///
/// ```
/// # use rocket_mojito::Number;
/// let score: Number = "5.10".parse().unwrap();
///
/// assert_eq!(score.as_f64(), 5.1);
/// assert_eq!(score.to_string(), "5.10");
/// ```
#[derive(Clone)]
pub struct Number {
    digits: Box<str>,
    value: f64,
}

impl Number {
    /// The nearest double. It is finite.
    pub fn as_f64(&self) -> f64 {
        self.value
    }

    /// The integer, if the number was sent as an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.digits.parse().ok()
    }

    /// The number with these digits of a JSON number. `None` if no double is near.
    pub(super) fn from_json(digits: &str) -> Option<Self> {
        let value: f64 = digits.parse().ok()?;
        value.is_finite().then(|| Self { digits: digits.into(), value })
    }
}

impl std::str::FromStr for Number {
    type Err = NotANumber;

    fn from_str(digits: &str) -> Result<Self, NotANumber> {
        serde_json::from_str::<serde_json::Number>(digits).map_err(|_| NotANumber)?;
        Self::from_json(digits).ok_or(NotANumber)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number([redacted])")
    }
}

/// The text is not a JSON number, or no double is near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a JSON number within the range of a double")
    }
}

impl std::error::Error for NotANumber {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_prints_as_it_was_sent() {
        for digits in ["4.212", "5", "-0.0", "1e-400", "9007199254740993", "0.1000000000000000000000000000001"] {
            assert_eq!(Number::from_json(digits).unwrap().to_string(), digits);
        }
        assert_eq!(Number::from_json("5").unwrap().as_i64(), Some(5));
        assert_eq!(Number::from_json("5.0").unwrap().as_i64(), None);
    }

    #[test]
    fn a_number_that_no_double_is_near_is_none() {
        assert!(Number::from_json("1e400").is_none());
        assert!(Number::from_json("-1e400").is_none());
        assert!(Number::from_json(&"9".repeat(1_000)).is_none());
    }

    #[test]
    fn a_number_is_read_from_its_digits_and_equals_another_by_its_double() {
        let number = |digits: &str| digits.parse::<Number>();

        assert_eq!((number("4.25").unwrap().as_f64(), number("-3").unwrap().as_f64()), (4.25, -3.0));
        assert_eq!(number("5.0"), number("5"));
        assert_ne!(number("5.1"), number("5"));
        for wrong in ["", "five", "+5", "05", "5.", " 5", "1e400"] {
            assert_eq!(number(wrong), Err(NotANumber), "{wrong:?}");
        }
        assert_eq!(NotANumber.to_string(), "not a JSON number within the range of a double");
    }
}
