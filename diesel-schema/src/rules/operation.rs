use crate::{Action, Line, State, Ticket};
use std::ops::AddAssign;
use std::time::Duration;

/// The next deliveries of a selection.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In stored order.
    pub selected: Vec<Selected>,
    /// The delivery after which the next page begins; none at the end.
    pub next_after: Option<i64>,
}

/// A selected delivery.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The delivery.
    pub delivery_id: i64,
    /// The first delivery about the same result; none for a quarantined one.
    pub first_delivery_id: Option<i64>,
    /// Whether it is in quarantine, since it was never understood.
    pub is_quarantined: bool,
    /// Whether its path or its body told its event.
    pub has_event: bool,
    /// The handlers whose work on it is selected.
    pub handlers: Vec<String>,
}

/// Work that a replay makes wait again.
#[derive(Debug, Clone)]
pub struct Requeue {
    /// The delivery.
    pub delivery_id: i64,
    /// The line that the work is in.
    pub line: Line,
    /// The number of attempts after which it is discarded. Where the number is known, a missing row of work is created.
    pub max_attempts: Option<i32>,
}

impl Requeue {
    /// The key of its row: delivery and handler.
    pub(crate) fn key(&self) -> (i64, &str) {
        (self.delivery_id, &self.line.handler)
    }
}

/// The outcome of one step of a replay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requeued {
    /// Work that waits again.
    pub work: u64,
    /// Work that runs, or has no row.
    pub left_alone: u64,
}

/// The counts of a dismissal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dismissed {
    /// Dead work, counted once for each delivery and handler.
    pub work: u64,
    /// Deliveries in quarantine.
    pub quarantined: u64,
}

impl AddAssign for Dismissed {
    fn add_assign(&mut self, other: Self) {
        self.work += other.work;
        self.quarantined += other.quarantined;
    }
}

/// An operator's action, for the audit.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// The operator.
    pub actor: String,
    /// The action.
    pub action: Action,
    /// The request as JSON; never a person's data.
    pub target: String,
    /// The operator's reason.
    pub reason: Option<String>,
}

/// The right to execute an action, until it is cancelled, or another process takes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// The action's row in the audit.
    pub audit_id: i64,
    /// The token of this execution.
    pub epoch: i64,
}

/// One step of an action. Its transaction begins with the fence: the action must still be this process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The right to take it.
    pub execution: Execution,
    /// The delivery up to which the action is done afterwards.
    pub cursor: i64,
    /// How long the next step may take to come before another process takes the action over.
    pub lease: Duration,
}

/// The action is not this process's any more: it was cancelled, or another process took it over. The step has changed
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// An action that was taken over from a process that died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// The right to go on with it.
    pub execution: Execution,
    /// The action.
    pub action: Action,
    /// The request as JSON.
    pub target: String,
    /// The delivery up to which it is done.
    pub cursor: i64,
}

/// The outcome of one bounded step of pruning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneStep {
    /// Deliveries that were removed.
    pub removed: u64,
    /// The delivery after which the next step begins; none at the end.
    pub next_after: Option<i64>,
}

/// The rows that one bounded step of pruning would remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prunable {
    /// Bodies that are old enough.
    pub bodies: u64,
    /// Deliveries that are old enough.
    pub deliveries: u64,
    /// The delivery after which the next step begins; none at the end.
    pub next_after: Option<i64>,
}

/// The outcome of [`WorkQueue::renew_and_rescue`](crate::WorkQueue::renew_and_rescue).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rescue {
    /// Tickets whose work was claimed again, or settled, since.
    pub stale: Vec<Ticket>,
    /// Lapsed leases whose work waits again.
    pub rescued: usize,
    /// Lapsed leases whose work was discarded: it was the last attempt.
    pub discarded: usize,
    /// Lapsed leases whose work was skipped: a newer version has overtaken it.
    pub skipped: usize,
}

impl Rescue {
    /// Counts work whose lease had lapsed, by the state that it is in now.
    pub(crate) fn count(&mut self, state: State) {
        match state {
            State::Discarded => self.discarded += 1,
            State::Skipped => self.skipped += 1,
            State::Pending | State::Running | State::Retryable | State::Completed => self.rescued += 1,
        }
    }
}

/// A name that an operator typed, perhaps wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An endpoint's name.
    Endpoint(String),
    /// A handler's name.
    Handler(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dismissals_of_two_steps_are_counted_together() {
        let mut dismissed = Dismissed { work: 1, quarantined: 2 };

        dismissed += Dismissed { work: 10, quarantined: 20 };

        assert_eq!(dismissed, Dismissed { work: 11, quarantined: 22 });
    }

    #[test]
    fn lapsed_leases_are_counted_by_what_became_of_their_work() {
        let mut rescue = Rescue::default();

        for state in
            [State::Discarded, State::Skipped, State::Skipped, State::Retryable, State::Pending, State::Running]
        {
            rescue.count(state);
        }

        assert_eq!((rescue.rescued, rescue.discarded, rescue.skipped), (3, 1, 2));
    }

    #[test]
    fn work_to_replay_is_named_by_its_delivery_and_its_handler() {
        let line = Line { handler: "HiringDesk".to_owned(), first_delivery_id: 3 };

        let requeue = Requeue { delivery_id: 7, line, max_attempts: None };

        assert_eq!(requeue.key(), (7, "HiringDesk"));
    }
}
