use std::time::Duration;

/// The longest pause before the second attempt.
const BASE_DELAY: Duration = Duration::from_secs(30);

/// The longest pause before the second attempt after a conflict.
const CONFLICT_BASE_DELAY: Duration = Duration::from_millis(50);

/// The longest pause before any attempt. The retries outlive a fault of a night or a day.
const MAX_DELAY: Duration = Duration::from_secs(4 * 3600);

/// The pause after a failed attempt: exponential, with equal jitter. Jitter spreads retries of simultaneous failures.
/// No pause is so short that the attempts run out while the fault lasts.
///
/// Source: Amazon's "Exponential backoff and jitter". `jitter` is a random number from 0 to 1.
pub(super) fn pause(attempt: i32, jitter: f64) -> Duration {
    doubled(BASE_DELAY, attempt).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// The pause after an attempt that conflicted with another transaction. Neither is at fault, and the other transaction
/// soon ends. The pause is exponential all the same, with full jitter, so that repeated conflicts spread out.
pub(super) fn pause_of_conflict(attempt: i32, jitter: f64) -> Duration {
    doubled(CONFLICT_BASE_DELAY, attempt).mul_f64(jitter.clamp(0.0, 1.0))
}

fn doubled(base: Duration, attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(16);
    (base * 2_u32.pow(doublings)).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MojitoConfig;

    /// The total of all retry pauses by the default settings, in hours.
    fn schedule(jitter: f64) -> f64 {
        let retries = 1..i32::from(MojitoConfig::new().max_attempts);
        let pauses: Duration = retries.map(|attempt| pause(attempt, jitter)).sum();
        pauses.as_secs_f64() / 3600.0
    }

    #[test]
    fn the_longest_pause_doubles_up_to_four_hours() {
        let pauses: Vec<u64> = (1..13).map(|attempt| pause(attempt, 1.0).as_secs()).collect();

        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400, 14400]);
        assert_eq!(pause(i32::MAX, 1.0), MAX_DELAY);
    }

    #[test]
    fn a_pause_is_between_half_and_all_of_the_longest() {
        assert_eq!(pause(3, 0.0), Duration::from_secs(60));
        assert_eq!(pause(3, 0.5), Duration::from_secs(90));
        assert_eq!(pause(3, 1.0), Duration::from_secs(120));
    }

    #[test]
    fn retries_go_on_for_33_hours_on_average_and_44_at_most() {
        let (shortest, average, longest) = (schedule(0.0), schedule(0.5), schedule(1.0));

        assert!((22.0..22.5).contains(&shortest), "{shortest} h");
        assert!((33.0..33.5).contains(&average), "{average} h");
        assert!((44.0..44.5).contains(&longest), "{longest} h");
    }

    #[test]
    fn after_a_conflict_the_pause_begins_small_and_doubles() {
        let longest: Vec<u128> = (1..6).map(|attempt| pause_of_conflict(attempt, 1.0).as_millis()).collect();

        assert_eq!(longest, [50, 100, 200, 400, 800]);
        assert_eq!(pause_of_conflict(9, 0.0), Duration::ZERO);
    }
}
