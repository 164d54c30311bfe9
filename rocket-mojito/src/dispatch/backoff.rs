use std::time::Duration;

/// The longest pause before the second attempt.
const BASE: Duration = Duration::from_secs(30);

/// The longest pause before the second attempt after a conflict.
const CONFLICT_BASE: Duration = Duration::from_millis(50);

/// The longest pause before any attempt.
const CAP: Duration = Duration::from_secs(3600);

/// The pause after a failed attempt: exponential, with full jitter, so that what failed together does not come
/// back together.
///
/// Source: Amazon's "Exponential backoff and jitter". `jitter` is a random number from 0 to 1.
pub(super) fn pause(attempt: i32, jitter: f64) -> Duration {
    longest_pause(attempt).mul_f64(jitter.clamp(0.0, 1.0))
}

/// The pause after an attempt that another transaction was in the way of: nothing is wrong with either, and whoever
/// was in the way is soon gone. Exponential all the same, so that many that meet again and again spread out.
pub(super) fn pause_of_conflict(attempt: i32, jitter: f64) -> Duration {
    doubled(CONFLICT_BASE, attempt).mul_f64(jitter.clamp(0.0, 1.0))
}

fn longest_pause(attempt: i32) -> Duration {
    doubled(BASE, attempt)
}

fn doubled(base: Duration, attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(16);
    (base * 2_u32.pow(doublings)).min(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_doubles_up_to_an_hour() {
        let pauses: Vec<u64> = (1..12).map(|attempt| longest_pause(attempt).as_secs()).collect();

        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
        assert_eq!(longest_pause(i32::MAX), CAP);
    }

    #[test]
    fn after_a_conflict_the_pause_begins_small_and_doubles() {
        let longest: Vec<u128> = (1..6).map(|attempt| pause_of_conflict(attempt, 1.0).as_millis()).collect();

        assert_eq!(longest, [50, 100, 200, 400, 800]);
        assert_eq!(pause_of_conflict(9, 0.0), Duration::ZERO);
    }

    #[test]
    fn the_jitter_is_full() {
        assert_eq!(pause(3, 0.0), Duration::ZERO);
        assert_eq!(pause(3, 0.5), Duration::from_secs(60));
        assert_eq!(pause(3, 1.0), Duration::from_secs(120));
    }
}
