use mojito_schema::{Action, EventKind, Selection};
use serde_json::{Value, json};

use crate::operation::{Discard, Dismissal, Replay};

/// The most deliveries that one transaction of an operator's action takes: other writers must not wait for long.
pub(super) const MAX_STEP_DELIVERIES: u32 = 500;

/// The number of steps that a change cuts a second's deliveries into. A step has one delivery at least, and
/// `MAX_STEP_DELIVERIES` at most.
const MAX_STEPS_PER_SECOND: u32 = 10;

/// A change of the selected rows, step by step. It can be read back from its row in the audit, so that another process
/// can take it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Work waits again.
    Replay(Replay),
    /// Waiting work is given up.
    Discard(Discard),
    /// Dead work and deliveries in quarantine leave the backlog.
    Dismiss(Dismissal),
}

impl Change {
    pub fn action(&self) -> Action {
        match self {
            Self::Replay(_) => Action::Replay,
            Self::Discard(_) => Action::Discard,
            Self::Dismiss(_) => Action::Dismiss,
        }
    }

    pub fn selection(&self) -> &Selection {
        match self {
            Self::Replay(Replay { selection, .. })
            | Self::Discard(Discard { selection, .. })
            | Self::Dismiss(Dismissal { selection, .. }) => selection,
        }
    }

    /// The number of deliveries that it takes in each second.
    pub fn per_second(&self) -> u32 {
        match self {
            Self::Replay(Replay { per_second, .. })
            | Self::Discard(Discard { per_second, .. })
            | Self::Dismiss(Dismissal { per_second, .. }) => *per_second,
        }
    }

    /// The most deliveries in one of its steps.
    pub fn step_size(&self) -> usize {
        (self.per_second() / MAX_STEPS_PER_SECOND).clamp(1, MAX_STEP_DELIVERIES) as usize
    }

    /// The request as the audit keeps it.
    pub fn target(&self) -> Value {
        match self {
            Self::Replay(Replay { selection, handler, to_all_handlers, as_event, per_second }) => {
                let mut target = json!({ "selection": selection, "handler": handler, "per_second": per_second });
                if *to_all_handlers {
                    target["all_handlers"] = true.into();
                }
                if let Some(kind) = as_event {
                    target["as_event"] = kind.as_str().into();
                }
                target
            }
            Self::Discard(Discard { selection, per_second }) | Self::Dismiss(Dismissal { selection, per_second }) => {
                json!({ "selection": selection, "per_second": per_second })
            }
        }
    }

    /// The change that a row of the audit tells of. `None` for other actions, and for a request that this version of
    /// the program does not understand whole.
    pub fn from_target(action: Action, target: &str) -> Option<Self> {
        let target: Value = serde_json::from_str(target).ok()?;
        let known: &[&str] = match action {
            Action::Replay => &["selection", "per_second", "handler", "all_handlers", "as_event"],
            _ => &["selection", "per_second"],
        };
        if target.as_object()?.keys().any(|key| !known.contains(&key.as_str())) {
            return None;
        }
        let selection = Selection::from_described(&target["selection"])?;
        let per_second = u32::try_from(target["per_second"].as_u64()?).ok()?;
        match action {
            Action::Replay => {
                let handler = match &target["handler"] {
                    Value::Null => None,
                    handler => Some(handler.as_str()?.to_owned()),
                };
                let to_all_handlers = match &target["all_handlers"] {
                    Value::Null => false,
                    flag => flag.as_bool()?,
                };
                let as_event = match &target["as_event"] {
                    Value::Null => None,
                    kind => Some(EventKind::from_text(kind.as_str()?)?),
                };
                let per_second = per_second.max(1);
                Some(Self::Replay(Replay { selection, handler, to_all_handlers, as_event, per_second }))
            }
            Action::Discard => Some(Self::Discard(Discard::new(selection).per_second(per_second))),
            Action::Dismiss => Some(Self::Dismiss(Dismissal::new(selection).per_second(per_second))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use mojito_schema::State;

    use super::*;

    #[test]
    fn a_change_is_read_back_from_the_audit() {
        let selection = || Selection::all().state(State::Discarded).handler("Desk").endpoint("default");
        let changes = [
            Change::Replay(Replay::new(selection()).per_second(7)),
            Change::Replay(Replay::new(selection()).to_handler("Ledger")),
            Change::Replay(Replay::new(Selection::delivery(7)).to_all_handlers()),
            Change::Replay(Replay::new(Selection::delivery(7)).as_event(EventKind::InterviewFailed)),
            Change::Discard(Discard::new(selection()).per_second(7)),
            Change::Dismiss(Dismissal::new(selection())),
        ];

        for change in changes {
            assert_eq!(Change::from_target(change.action(), &change.target().to_string()), Some(change));
        }
    }

    #[test]
    fn a_change_that_is_not_understood_whole_is_none() {
        let with = |more: &str| format!(r#"{{"selection":{{}},"per_second":7{more}}}"#);
        let of_none = ["", "7", r#"{"selection":{}}"#, r#"{"selection":{"planet":"Mars"},"per_second":7}"#];
        let of_none = of_none.map(str::to_owned).into_iter().chain([with(r#","mood":1"#)]);
        let of_replay = [r#","handler":"Desk""#, r#","all_handlers":true"#, r#","as_event":"interview_failed""#];

        for target in of_none {
            for action in [Action::Replay, Action::Discard, Action::Dismiss] {
                assert_eq!(Change::from_target(action, &target), None, "{action:?}: {target}");
            }
        }
        for more in of_replay {
            let kinds = [Action::Replay, Action::Discard, Action::Dismiss, Action::Erase];
            let is_understood = kinds.map(|action| Change::from_target(action, &with(more)).is_some());
            assert_eq!(is_understood, [true, false, false, false], "{more}");
        }
        for more in [r#","handler":1"#, r#","all_handlers":1"#, r#","as_event":"mood""#] {
            assert_eq!(Change::from_target(Action::Replay, &with(more)), None, "{more}");
        }
        assert_eq!(Change::from_target(Action::Erase, &with("")), None);
    }

    #[test]
    fn a_step_takes_a_tenth_of_a_second_and_holds_up_nobody_for_long() {
        let sizes = [1, 19, 20, 4_999, 5_000, u32::MAX].map(|per_second| {
            let changes = [
                Change::Replay(Replay::new(Selection::all()).per_second(per_second)),
                Change::Discard(Discard::new(Selection::all()).per_second(per_second)),
                Change::Dismiss(Dismissal::new(Selection::all()).per_second(per_second)),
            ];
            changes.map(|change| change.step_size())
        });

        assert_eq!(sizes, [1, 1, 2, 499, 500, 500].map(|size| [size; 3]));
    }
}
