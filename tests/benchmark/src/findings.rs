use std::collections::BTreeMap;

use crate::measure::{Backlog, Blocked, Case, Delay, Footprint, Growth, Indexes, Speed};
use crate::report::Spread;
use crate::system::{Backend, System};

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Findings {
    /// In the order of the rounds.
    pub speed: BTreeMap<Case, Vec<Speed>>,
    pub footprint: BTreeMap<Backend, Footprint>,
    pub backlog: BTreeMap<Backend, Vec<Backlog>>,
    pub idle: BTreeMap<Backend, Delay>,
    pub half_load: BTreeMap<Backend, Delay>,
    /// By the number of deliveries that were there: without and with a first that has failed, round by round.
    pub blocked: BTreeMap<(Backend, u64), Vec<(Blocked, Blocked)>>,
    /// With the operators' indexes and without, round by round.
    pub indexes: BTreeMap<Backend, Vec<(Indexes, Indexes)>>,
    pub growth: BTreeMap<Backend, Vec<Growth>>,
}

impl Findings {
    /// One figure of a system, over the rounds.
    pub fn figure(&self, case: Case, figure: fn(&Speed) -> f64) -> Option<Spread> {
        Spread::of(self.speed.get(&case)?.iter().map(figure))
    }

    /// The example's figure as a multiple of another system's, round by round: what disturbed a round disturbed both.
    pub fn ratio(
        &self,
        backend: Backend,
        connections: usize,
        other: System,
        figure: fn(&Speed) -> f64,
    ) -> Option<Spread> {
        let rounds = |system| self.speed.get(&Case { backend, has_repeats: false, connections, system });
        let pairs = rounds(System::Example)?.iter().zip(rounds(other)?);
        Spread::of(pairs.map(|(example, other)| figure(example) / figure(other)))
    }
}
