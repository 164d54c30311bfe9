use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What senders sent and what they were answered. It outlives every host.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<Sent>>>);

/// One delivery: its bytes are no other's.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) event: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) tries: Vec<Try>,
}

/// What one post of a delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Try {
    /// It is on its way, or its sender was stopped.
    Open,
    /// No whole answer came back.
    Silence,
    /// It was refused, or at least not acknowledged.
    Refused(u16),
    /// It was acknowledged, as this delivery.
    Acknowledged(i64),
}

impl Sent {
    /// As what it was acknowledged, if it was.
    pub(crate) fn acknowledged(&self) -> Option<i64> {
        self.tries.iter().find_map(|one| match one {
            Try::Acknowledged(id) => Some(*id),
            _ => None,
        })
    }
}

impl Ledger {
    /// Enters a delivery before it is posted for the first time.
    pub(crate) fn enter(&self, event: &'static str, body: Vec<u8>) -> usize {
        let mut sent = self.0.lock().unwrap();
        sent.push(Sent { event, body, tries: Vec::new() });
        sent.len() - 1
    }

    /// Enters a post before it goes out.
    pub(crate) fn begin(&self, entry: usize) {
        self.0.lock().unwrap()[entry].tries.push(Try::Open);
    }

    /// Enters what the last post of a delivery came to.
    pub(crate) fn end(&self, entry: usize, outcome: Try) {
        *self.0.lock().unwrap()[entry].tries.last_mut().unwrap() = outcome;
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().clone()
    }

    /// The deliveries that were not acknowledged, by their entry.
    pub(crate) fn unacknowledged(&self) -> Vec<(usize, Sent)> {
        self.sent().into_iter().enumerate().filter(|(_, sent)| sent.acknowledged().is_none()).collect()
    }

    /// How many posts came to what.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for one in self.sent().iter().flat_map(|sent| &sent.tries) {
            tally.posts += 1;
            match one {
                Try::Acknowledged(_) => tally.acknowledged += 1,
                Try::Refused(status) => *tally.refused.entry(*status).or_default() += 1,
                Try::Open | Try::Silence => tally.silent += 1,
            }
        }
        tally
    }
}

/// How many posts came to what.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) posts: usize,
    pub(crate) acknowledged: usize,
    pub(crate) silent: usize,
    pub(crate) refused: HashMap<u16, usize>,
}
