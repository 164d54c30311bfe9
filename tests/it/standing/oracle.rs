use mojito_schema::{EventKind, Standing};

/// One delivery of a history, as small as the rule allows: which event, which of a few bodies, and which of a few ids,
/// where a gateway numbers its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) event: EventKind,
    pub(super) body: u8,
    pub(super) is_usable: bool,
    pub(super) message: Option<u8>,
}

impl Sent {
    fn has_body_of(&self, other: &Self) -> bool {
        (self.event, self.body, self.is_usable) == (other.event, other.body, other.is_usable)
    }
}

/// What the rule says about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) standing: Standing,
    /// Index of the stored delivery: its own, or the one that it repeats.
    pub(super) stored: usize,
    pub(super) version: Option<i64>,
    pub(super) is_recurrence: bool,
    pub(super) has_changed: bool,
    pub(super) is_reused: bool,
}

/// The table of the design, written down once more, in the plainest way: a list of all that was stored, searched
/// from one end to the other.
#[derive(Default)]
pub(super) struct Oracle {
    stored: Vec<(Sent, Expected)>,
}

impl Oracle {
    pub(super) fn expect(&mut self, sent: Sent) -> Expected {
        let mut expected = self.rule(sent);
        if expected.standing != Standing::Repeat {
            expected.is_reused =
                sent.message.is_some() && self.stored.iter().any(|(other, _)| other.message == sent.message);
            self.stored.push((sent, expected.clone()));
        }
        expected
    }

    /// The state that the stored history folds to: event, body, version.
    pub(super) fn state(&self) -> Option<(EventKind, u8, i64)> {
        let (sent, expected) = self.newest(Standing::Current)?.1;
        Some((sent.event, sent.body, expected.version?))
    }

    fn rule(&self, sent: Sent) -> Expected {
        let same: Vec<usize> = (0..self.stored.len()).filter(|at| self.stored[*at].0.has_body_of(&sent)).collect();
        let repeat = |of: usize| self.expected(Standing::Repeat, of, None, false);
        let own = self.stored.len();
        let is_numbered = sent.message.is_some();
        if let Some(copy) = same.iter().find(|at| is_numbered && self.stored[**at].0.message == sent.message) {
            return repeat(*copy);
        }
        let is_waiting = |at: &&usize| self.stored[**at].1.standing == Standing::Quarantined;
        if let Some(waiting) = same.iter().find(is_waiting).filter(|_| !is_numbered) {
            return repeat(*waiting);
        }
        if !sent.is_usable {
            return self.expected(Standing::Quarantined, own, None, false);
        }
        let Some((newest, (former, former_expected))) = self.newest(Standing::Current) else {
            return self.expected(Standing::Current, own, Some(1), false);
        };
        if same.contains(&newest) && !is_numbered {
            return repeat(newest);
        }
        if former.event == EventKind::InterviewResult && sent.event == EventKind::InterviewCollected {
            return match self.newest(Standing::Late).filter(|(late, _)| same.contains(late) && !is_numbered) {
                Some((late, _)) => repeat(late),
                None => self.expected(Standing::Late, own, None, false),
            };
        }
        let version = former_expected.version.map(|version| version + 1);
        let has_come_back = !same.is_empty() && !same.contains(&newest);
        let mut expected = self.expected(Standing::Current, own, version, has_come_back);
        expected.has_changed = former.body != sent.body;
        expected
    }

    fn expected(&self, standing: Standing, stored: usize, version: Option<i64>, is_recurrence: bool) -> Expected {
        let has_changed = standing == Standing::Current;
        Expected { standing, stored, version, is_recurrence, has_changed, is_reused: false }
    }

    fn newest(&self, standing: Standing) -> Option<(usize, &(Sent, Expected))> {
        self.stored.iter().enumerate().rev().find(|(_, (_, expected))| expected.standing == standing)
    }
}
