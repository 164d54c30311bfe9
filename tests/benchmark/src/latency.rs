use std::time::Duration;

/// How long each of many things took.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds that this share of them did not exceed. `NaN` where there are none.
    pub fn quantiles<const N: usize>(mut self, shares: [f64; N]) -> [f64; N] {
        self.0.sort_unstable();
        shares.map(|share| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the length")]
            let rank = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len().max(1));
            self.0.get(rank - 1).map_or(f64::NAN, |&microseconds| f64::from(microseconds) / 1000.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_value_that_so_many_do_not_exceed() {
        let mut latencies = Latencies::default();
        (1..=1000).rev().for_each(|n| latencies.add(Duration::from_millis(n)));

        assert_eq!(latencies.quantiles([0.5, 0.99, 0.999, 1.0]), [500.0, 990.0, 999.0, 1000.0]);
        assert!(Latencies::default().quantiles([0.5])[0].is_nan());
    }
}
