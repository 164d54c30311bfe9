use std::fmt;

/// The median of several rounds, with the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// None where there was no round.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: lower.midpoint(upper), least, most })
    }
}

/// `12.3 (11.8–14.1)`, or `12.3` where there was one round.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, most } = *self;
        match least < most {
            true => f.pad(&format!("{} ({}–{})", short(median), short(least), short(most))),
            false => f.pad(&short(median)),
        }
    }
}

/// Three digits that count, and thousands apart.
pub(super) fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 1000.0 => {
            let digits = format!("{number:.0}");
            let (front, back) = digits.split_at(digits.len() - 3);
            match front.len() > 3 {
                true => format!("{},{},{back}", &front[..front.len() - 3], &front[front.len() - 3..]),
                false => format!("{front},{back}"),
            }
        }
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_two_in_the_middle() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]), Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(Spread::of([5.0]).unwrap().median, 5.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.1234, 1.234, 12.34, 123.4, 1234.0, 1_234_567.0];

        assert_eq!(numbers.map(short), ["0.123", "1.23", "12.3", "123", "1,234", "1,234,567"]);
    }
}
