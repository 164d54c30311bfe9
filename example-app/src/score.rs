use std::fmt;

use serde::{Serialize, Serializer};

/// A score as people write it: `4.212` and `5`, not `5.0`.
#[derive(Clone, Copy)]
pub(crate) struct Score(pub f64);

impl Score {
    /// The score as an integer, if it is one. A double does not tell larger integers apart from their neighbours.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    fn as_integer(self) -> Option<i64> {
        let is_exact = self.0.fract() == 0.0 && self.0.abs() <= 9_007_199_254_740_992.0;
        is_exact.then_some(self.0 as i64)
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_integer() {
            Some(integer) => serializer.serialize_i64(integer),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_prints_as_people_write_it() {
        let cases = [
            (4.212, "4.212"),
            (5.0, "5"),
            (5.1, "5.1"),
            (0.0, "0"),
            (-0.0, "0"),
            (-3.5, "-3.5"),
            (100.0, "100"),
            (1e300, "1e+300"),
        ];

        for (score, text) in cases {
            assert_eq!(Score(score).to_string(), text);
        }
    }
}
