use crate::Life;

/// The lives of all candidates of one seed. The life of a number depends on nothing but the seed and the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lives {
    seed: u64,
}

impl Lives {
    /// The lives of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The life of this number.
    pub fn life(self, number: u64) -> Life {
        Life::new(self.seed, number)
    }

    /// One life after another, without an end.
    pub fn iter(self) -> impl Iterator<Item = Life> {
        (0..).map(move |number| self.life(number))
    }
}
