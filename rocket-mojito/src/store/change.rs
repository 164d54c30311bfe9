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
        let known = ["selection", "handler", "per_second", "all_handlers", "as_event"];
        if target.as_object()?.keys().any(|key| !known.contains(&key.as_str())) {
            return None;
        }
        let selection = Selection::from_described(&target["selection"])?;
        let handler = match &target["handler"] {
            Value::Null => None,
            handler => Some(handler.as_str()?.to_owned()),
        };
        let per_second = || target["per_second"].as_u64().and_then(|number| u32::try_from(number).ok());
        match action {
            Action::Replay => {
                let to_all_handlers = target["all_handlers"].as_bool().unwrap_or_default();
                let per_second = per_second()?.max(1);
                let as_event = match &target["as_event"] {
                    Value::Null => None,
                    kind => Some(EventKind::from_text(kind.as_str()?)?),
                };
                Some(Self::Replay(Replay { selection, handler, to_all_handlers, as_event, per_second }))
            }
            Action::Discard if handler.is_none() => {
                Some(Self::Discard(Discard::new(selection).per_second(per_second()?)))
            }
            Action::Dismiss => Some(Self::Dismiss(Dismissal::new(selection).per_second(per_second()?))),
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
        let conditions =
            [r#"{"selection":{"planet":"Mars"},"per_second":7}"#, r#"{"selection":{},"per_second":7,"mood":1}"#];
        let handler = r#"{"selection":{},"per_second":7,"handler":"Desk"}"#;
        for target in ["", "7", r#"{"selection":{}}"#, handler].into_iter().chain(conditions) {
            assert_eq!(Change::from_target(Action::Discard, target), None, "{target}");
        }
        assert_eq!(Change::from_target(Action::Erase, r#"{"selection":{}}"#), None);
    }
}
