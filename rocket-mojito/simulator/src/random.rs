use rand_core::Rng as _;
use rand_pcg::Pcg64;

/// Chance by PCG XSL RR 128/64 (M. O'Neill, 2014), whose sequences are fixed by its paper.
///
/// Only its 64-bit outputs are used. The choices made of them stand here, since those of other libraries may change.
pub(crate) struct Random(Pcg64);

impl Random {
    /// The sequence of this number under a seed. No sequence depends on another one.
    pub fn new(seed: u64, sequence: u64) -> Self {
        Self(Pcg64::new(u128::from(seed), u128::from(sequence)))
    }

    /// A number below `limit`: the upper half of a product of 128 bits.
    pub fn below(&mut self, limit: usize) -> usize {
        let product = u128::from(self.0.next_u64()) * limit as u128;
        usize::try_from(product >> 64).expect("it is below the limit")
    }

    /// Whether something happens that does in so many of a hundred cases.
    pub fn percent(&mut self, percent: u8) -> bool {
        self.below(100) < usize::from(percent)
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.0.next_u64(), self.0.next_u64());
        let (c, d) = (a & 0xfff, (b >> 48) & 0x3fff);
        format!("{:08x}-{:04x}-4{c:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, d | 0x8000, b & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_sequence_is_the_same_chance() {
        let mut first = Random::new(1, 2);
        let mut again = Random::new(1, 2);
        let mut other = Random::new(1, 3);

        let (first, again, other) = (first.uuid(), again.uuid(), other.uuid());

        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn choices_are_spread_evenly_and_stay_below_the_limit() {
        let mut random = Random::new(1, 0);
        let mut counts = [0; 7];

        (0..70_000).for_each(|_| counts[random.below(7)] += 1);

        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert!((0..1_000).all(|_| !random.percent(0) && random.percent(100)));
    }
}
