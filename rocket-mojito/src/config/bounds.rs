use std::fmt;
use std::time::Duration;

use rocket::data::ByteUnit;

use crate::Error;

/// A numeric setting with its maximum. The minimum is 1.
#[derive(Debug)]
pub(super) struct Bound {
    setting: &'static str,
    unit: Unit,
    most: u64,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Seconds,
    Hours,
    Days,
    Whole,
}

/// The value of a numeric setting.
pub(super) enum Number {
    Bytes(ByteUnit),
    Time(Duration),
    Whole(u64),
}

const HOUR: u64 = 3600;
const MEBIBYTE: u64 = 1 << 20;

/// Every setting works at its maximum. Larger values help nobody, and at some point the arithmetic of time or memory
/// overflows.
const BOUNDS: [Bound; 14] = [
    Bound { setting: "body_limit", unit: Unit::Bytes, most: 64 * MEBIBYTE },
    Bound { setting: "body_deadline", unit: Unit::Seconds, most: HOUR },
    Bound { setting: "ack_deadline", unit: Unit::Seconds, most: HOUR },
    Bound { setting: "queue_limit", unit: Unit::Bytes, most: 256 * MEBIBYTE },
    Bound { setting: "handler_concurrency", unit: Unit::Whole, most: 1_000 },
    Bound { setting: "handler_timeout", unit: Unit::Seconds, most: 24 * HOUR },
    Bound { setting: "lease", unit: Unit::Seconds, most: HOUR },
    Bound { setting: "poll_interval", unit: Unit::Seconds, most: HOUR },
    Bound { setting: "max_attempts", unit: Unit::Whole, most: 1_000 },
    Bound { setting: "retention_days", unit: Unit::Days, most: 36_500 },
    Bound { setting: "body_retention_days", unit: Unit::Days, most: 36_500 },
    Bound { setting: "silence_alert", unit: Unit::Hours, most: 365 * 24 },
    // The settings of a pool.
    Bound { setting: "max_connections", unit: Unit::Whole, most: 10_000 },
    Bound { setting: "connect_timeout", unit: Unit::Seconds, most: HOUR },
];

impl Bound {
    /// The bound of a setting, or `None` if the setting is not numeric.
    pub fn find(setting: &str) -> Option<&'static Self> {
        BOUNDS.iter().find(|bound| bound.setting == setting)
    }

    fn allows(&self, number: &Number) -> bool {
        match number {
            Number::Bytes(bytes) => (1..=self.most).contains(&bytes.as_u64()),
            // Code may set fractions of a second; the clock resolves milliseconds.
            Number::Time(time) => time.as_millis() >= 1 && time.as_secs() <= self.most,
            Number::Whole(number) => (1..=self.most).contains(number),
        }
    }
}

/// Makes sure that the number of a setting below `root` is within its bound.
pub(super) fn check(root: &str, setting: &str, number: &Number) -> Result<(), Error> {
    let bound = Bound::find(setting).expect("every number has a bound");
    if bound.allows(number) {
        return Ok(());
    }
    Err(Error::config(format!("`{root}.{setting}` is {number}: write {bound}")))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => bytes.as_u64().fmt(f),
            Self::Time(time) => time.as_secs().fmt(f),
            Self::Whole(number) => number.fmt(f),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.most;
        match self.unit {
            Unit::Bytes => write!(f, "a number of bytes from 1 to {} MiB, such as `\"1 MiB\"`", most / MEBIBYTE),
            Unit::Seconds => write!(f, "whole seconds from 1 to {most}, such as `10`"),
            Unit::Hours => write!(f, "whole hours from 1 to {most}, such as `48`"),
            Unit::Days => write!(f, "whole days from 1 to {most}, such as `90`"),
            Unit::Whole => write!(f, "a whole number from 1 to {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number of a setting, in its unit.
    fn number(bound: &Bound, number: u64) -> Number {
        match bound.unit {
            Unit::Bytes => Number::Bytes(ByteUnit::from(number)),
            Unit::Seconds => Number::Time(Duration::from_secs(number)),
            Unit::Hours | Unit::Days | Unit::Whole => Number::Whole(number),
        }
    }

    #[test]
    fn each_setting_is_allowed_from_one_to_its_most() {
        for bound in &BOUNDS {
            let is_allowed = [0, 1, bound.most, bound.most + 1]
                .map(|value| check("mojito", bound.setting, &number(bound, value)).is_ok());

            assert_eq!(is_allowed, [false, true, true, false], "{}", bound.setting);
        }
        assert!(check("mojito", "lease", &Number::Time(Duration::from_millis(1))).is_ok());
        assert!(check("mojito", "lease", &Number::Time(Duration::from_micros(999))).is_err());
    }

    #[test]
    fn a_fault_says_what_was_found_and_what_would_do() {
        let told = |setting: &str, value: u64| {
            let number = number(Bound::find(setting).unwrap(), value);
            let error = check("mojito", setting, &number).unwrap_err().to_string();
            error.split_once("`mojito.").unwrap().1.to_owned()
        };

        assert_eq!(
            told("body_limit", (64 << 20) + 1),
            "body_limit` is 67108865: write a number of bytes from 1 to 64 MiB, such as `\"1 MiB\"`"
        );
        assert_eq!(
            told("queue_limit", 0),
            "queue_limit` is 0: write a number of bytes from 1 to 256 MiB, such as `\"1 MiB\"`"
        );
        assert_eq!(
            told("handler_timeout", 0),
            "handler_timeout` is 0: write whole seconds from 1 to 86400, such as `10`"
        );
        assert_eq!(
            told("silence_alert", 9000),
            "silence_alert` is 9000: write whole hours from 1 to 8760, such as `48`"
        );
        assert_eq!(told("retention_days", 0), "retention_days` is 0: write whole days from 1 to 36500, such as `90`");
        assert_eq!(told("max_attempts", 0), "max_attempts` is 0: write a whole number from 1 to 1000");
    }
}
