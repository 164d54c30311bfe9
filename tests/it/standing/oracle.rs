use mojito_schema::{EventKind, Standing};

/// One delivery of a history, as small as the rule allows: which event, and which of a few bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) event: EventKind,
    pub(super) body: u8,
    pub(super) is_usable: bool,
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
}

/// The table of the design, written down once more, in the plainest way: a list of all that was stored, searched
/// from one end to the other.
#[derive(Default)]
pub(super) struct Oracle {
    stored: Vec<(Sent, Expected)>,
}

impl Oracle {
    pub(super) fn expect(&mut self, sent: Sent) -> Expected {
        let expected = self.rule(sent);
        if expected.standing != Standing::Repeat {
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
        let same: Vec<usize> = (0..self.stored.len()).filter(|at| self.stored[*at].0 == sent).collect();
        let repeat = |of: usize| self.expected(Standing::Repeat, of, None, false);
        let own = self.stored.len();
        if let Some(waiting) = same.iter().find(|at| self.stored[**at].1.standing == Standing::Quarantined) {
            return repeat(*waiting);
        }
        if !sent.is_usable {
            return self.expected(Standing::Quarantined, own, None, false);
        }
        let Some((newest, (former, former_expected))) = self.newest(Standing::Current) else {
            return self.expected(Standing::Current, own, Some(1), false);
        };
        if same.contains(&newest) {
            return repeat(newest);
        }
        if former.event == EventKind::InterviewResult && sent.event == EventKind::InterviewCollected {
            return match self.newest(Standing::Late).filter(|(late, _)| same.contains(late)) {
                Some((late, _)) => repeat(late),
                None => self.expected(Standing::Late, own, None, false),
            };
        }
        let version = former_expected.version.map(|version| version + 1);
        let mut expected = self.expected(Standing::Current, own, version, !same.is_empty());
        expected.has_changed = former.body != sent.body;
        expected
    }

    fn expected(&self, standing: Standing, stored: usize, version: Option<i64>, is_recurrence: bool) -> Expected {
        Expected { standing, stored, version, is_recurrence, has_changed: standing == Standing::Current }
    }

    fn newest(&self, standing: Standing) -> Option<(usize, &(Sent, Expected))> {
        self.stored.iter().enumerate().rev().find(|(_, (_, expected))| expected.standing == standing)
    }
}
