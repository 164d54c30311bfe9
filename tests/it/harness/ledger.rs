use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The deliveries of all senders, and the answers to them. It outlives every host.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<Sent>>>);

/// One delivery: its bytes are no other's.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) event: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) posts: Vec<PostOutcome>,
    /// When the last of them began, and the longest that any of them took to be answered.
    began: Option<Instant>,
    longest: Duration,
}

/// The outcome of one post of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostOutcome {
    /// It is on its way, or its sender was stopped.
    InFlight,
    /// No whole answer came back.
    NoAnswer,
    /// It was refused, or at least not acknowledged.
    Refused(u16),
    /// It was acknowledged, as this delivery.
    Acknowledged(i64),
}

impl PostOutcome {
    pub(crate) fn is_acknowledged(self) -> bool {
        matches!(self, Self::Acknowledged(_))
    }

    /// As which delivery it was acknowledged. Fails where it was not.
    pub(crate) fn delivery(self) -> i64 {
        match self {
            Self::Acknowledged(id) => id,
            other => panic!("not acknowledged: {other:?}"),
        }
    }
}

impl Sent {
    /// As what it was acknowledged, if it was.
    pub(crate) fn acknowledged(&self) -> Option<i64> {
        self.posts.iter().find_map(|one| match one {
            PostOutcome::Acknowledged(id) => Some(*id),
            _ => None,
        })
    }
}

impl Ledger {
    /// Enters a delivery before it is posted for the first time.
    pub(crate) fn enter(&self, event: &'static str, body: Vec<u8>) -> usize {
        let mut sent = self.0.lock().unwrap();
        sent.push(Sent { event, body, posts: Vec::new(), began: None, longest: Duration::ZERO });
        sent.len() - 1
    }

    /// Enters a post before it goes out.
    pub(crate) fn begin(&self, entry: usize) {
        let sent = &mut self.0.lock().unwrap()[entry];
        sent.posts.push(PostOutcome::InFlight);
        sent.began = Some(Instant::now());
    }

    /// Enters what the last post of a delivery came to.
    pub(crate) fn end(&self, entry: usize, outcome: PostOutcome) {
        let sent = &mut self.0.lock().unwrap()[entry];
        *sent.posts.last_mut().unwrap() = outcome;
        if !matches!(outcome, PostOutcome::InFlight | PostOutcome::NoAnswer) {
            sent.longest = sent.longest.max(sent.began.map_or(Duration::ZERO, |began| began.elapsed()));
        }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().clone()
    }

    /// Takes over what another has entered.
    pub(crate) fn absorb(&self, other: &Self) {
        self.0.lock().unwrap().extend(other.sent());
    }

    /// The deliveries that were not acknowledged, by their entry.
    pub(crate) fn unacknowledged(&self) -> Vec<(usize, Sent)> {
        self.sent().into_iter().enumerate().filter(|(_, sent)| sent.acknowledged().is_none()).collect()
    }

    /// How many posts came to what.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let sent = self.0.lock().unwrap();
        tally.longest = sent.iter().map(|sent| sent.longest).max().unwrap_or_default();
        for one in sent.iter().flat_map(|sent| &sent.posts) {
            tally.posts += 1;
            match one {
                PostOutcome::Acknowledged(_) => tally.acknowledged += 1,
                PostOutcome::Refused(status) => *tally.refused.entry(*status).or_default() += 1,
                PostOutcome::InFlight | PostOutcome::NoAnswer => tally.unanswered += 1,
            }
        }
        tally
    }
}

impl Tally {
    /// Fails where the faults were none, or so many that nothing was shown: less than three of ten posts acknowledged.
    #[expect(clippy::print_stdout, reason = "a fault test says what it has shown")]
    pub(crate) fn report(&self, what: &str, faults: usize) {
        let share = self.acknowledged * 100 / self.posts.max(1);
        println!("{what}: {faults} faults, {} posts, {share} % acknowledged, {self:?}", self.posts);
        assert!(faults > 0, "no fault was fired");
        assert!(share >= 30, "only {share} % were acknowledged: {self:?}");
    }

    /// I8: fails where anything but 200 and 503 was answered, or an answer took longer than the deadline.
    pub(crate) fn assert_answers(&self, deadline: Duration) {
        assert!(self.refused.keys().all(|status| *status == 503), "{self:?}");
        assert!(self.longest <= deadline + GRACE, "an answer took {:?}", self.longest);
    }
}

/// The time that a busy machine may add to an answer.
const GRACE: Duration = Duration::from_millis(1500);

/// How many posts came to what.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) posts: usize,
    pub(crate) acknowledged: usize,
    pub(crate) unanswered: usize,
    pub(crate) refused: HashMap<u16, usize>,
    /// The longest time that an answer took.
    pub(crate) longest: Duration,
}
