use std::collections::BTreeMap;

use crate::measure::{Backlog, Case, Delay, Footprint, Growth, Speed};
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
    pub growth: BTreeMap<Backend, Vec<Growth>>,
}

impl Findings {
    /// One figure of a system, over the rounds.
    pub fn figure(&self, case: Case, figure: fn(&Speed) -> f64) -> Option<Spread> {
        Spread::of(self.speed.get(&case)?.iter().map(figure))
    }

    /// The plugin's figure as a multiple of another system's, round by round: what disturbed a round disturbed both.
    pub fn ratio(
        &self,
        backend: Backend,
        connections: usize,
        other: System,
        figure: fn(&Speed) -> f64,
    ) -> Option<Spread> {
        let rounds = |system| self.speed.get(&Case { backend, has_repeats: false, connections, system });
        let pairs = rounds(System::Plugin)?.iter().zip(rounds(other)?);
        Spread::of(pairs.map(|(plugin, other)| figure(plugin) / figure(other)))
    }
}
