use std::collections::BTreeMap;

/// Everything that was sent, and the answers to it, by life. It holds no body: the seed tells them again.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub(crate) seed: u64,
    pub(crate) lives: BTreeMap<u64, Vec<Sent>>,
}

/// One post, and its outcome. Moments are counted, not measured: each is later than all that came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The delivery, by its place in the life.
    pub delivery: usize,
    /// The moment before its first byte went out.
    pub began: u64,
    /// The moment after its answer.
    pub ended: u64,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was acknowledged: 2xx.
    Acknowledged,
    /// It was answered with this status, and the sender lost the answer.
    Lost(u16),
    /// It was answered with this status, which is no 2xx.
    Refused(u16),
    /// No whole answer came.
    Unanswered,
    /// Its body was cut, and this was the answer, if there was one.
    Cut(Option<u16>),
}

/// The count of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// All posts.
    pub posts: u64,
    /// Those that were acknowledged.
    pub acknowledged: u64,
    /// Those whose answer the sender lost on purpose.
    pub lost: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those that were not answered.
    pub unanswered: u64,
    /// Those whose body was cut on purpose.
    pub cut: u64,
}

impl Ledger {
    /// An empty ledger of the lives of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, lives: BTreeMap::new() }
    }

    /// Enters a post of a life.
    pub fn enter(&mut self, life: u64, sent: Sent) {
        self.lives.entry(life).or_default().push(sent);
    }

    /// The posts of a life, in the order of their answers.
    pub fn life(&self, number: u64) -> &[Sent] {
        self.lives.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The count of each outcome.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for sent in self.lives.values().flatten() {
            tally.posts += 1;
            *match sent.outcome {
                Outcome::Acknowledged => &mut tally.acknowledged,
                Outcome::Lost(_) => &mut tally.lost,
                Outcome::Refused(_) => &mut tally.refused,
                Outcome::Unanswered => &mut tally.unanswered,
                Outcome::Cut(_) => &mut tally.cut,
            } += 1;
        }
        tally
    }
}

impl Sent {
    /// A post of the delivery at this place in its life.
    pub fn new(delivery: usize, began: u64, ended: u64, outcome: Outcome) -> Self {
        Self { delivery, began, ended, outcome }
    }
}
