use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{
    Action, ActionState, Backend, Dismissed, Execution, KnownHandler, Line, Page, Selected, Selection, State, Step,
    Stopped, TakenOver, Timestamp, failpoint,
};
use tokio::time::{Instant, sleep_until};

use super::change::{Change, MAX_STEP_DELIVERIES};
use super::operation_tasks::Begun;
use super::operations::{Operations, audit_of};
use super::requests::Requests;
use super::{Unavailable, prune};
use crate::operation::{Actor, Planned, Replay, Replayed};

/// How long an action may go without a step before another process takes it over.
pub(super) const ACTION_LEASE: Duration = Duration::from_secs(10);

/// The time without a step after which the lease is renewed where nothing is to be done.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(2);

/// Why an action did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// It was cancelled, or another process took it over.
    Stopped,
    /// The database is to blame.
    Unavailable(Unavailable),
}

impl From<Stopped> for Unfinished {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<Unavailable> for Unfinished {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl Unfinished {
    /// The fault of the database. An action that nobody can stop has no other.
    pub(super) fn unavailable(self) -> Unavailable {
        match self {
            Self::Stopped => Unavailable::Stopping,
            Self::Unavailable(unavailable) => unavailable,
        }
    }
}

/// The counts of a change.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changed {
    pub replayed: Replayed,
    pub discarded: u64,
    pub dismissed: Dismissed,
}

/// The pace of a change: so many deliveries in each second since it began.
struct Pace {
    began: Instant,
    per_second: u32,
    given: u64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self { began: Instant::now(), per_second, given: 0 }
    }

    /// Waits until so many more deliveries have their turn.
    async fn wait(&mut self, deliveries: usize) {
        sleep_until(self.began + Duration::from_secs_f64(self.given as f64 / f64::from(self.per_second))).await;
        self.given += deliveries as u64;
    }
}

impl<B: Backend> Operations<B> {
    /// Enters an action into the audit, under a lease of this process.
    pub(super) async fn begin_action(
        &self,
        action: Action,
        target: serde_json::Value,
        meant: u64,
        lease: Duration,
        actor: Actor,
        begun: Begun,
    ) -> Result<Execution, Unavailable> {
        let audit = audit_of(action, target, actor);
        let began = self.write(|c| B::begin_action(c, audit, meant, lease, Timestamp::now()).boxed());
        let execution = began.await?;
        begun.tell(execution.audit_id);
        Ok(execution)
    }

    /// Enters the end of an action. Where that fails, another process takes the action over, and finds nothing to do.
    pub(super) async fn end_action<R>(
        &self,
        execution: Execution,
        outcome: Result<R, Unfinished>,
    ) -> Result<R, Unfinished> {
        let state = match outcome {
            Ok(_) => ActionState::Done,
            Err(Unfinished::Unavailable(_)) => ActionState::Failed,
            Err(Unfinished::Stopped) => return outcome,
        };
        let _ = self.write(|c| B::end_action(c, execution, state).boxed()).await;
        outcome
    }

    /// One step of an action whose rows are changed elsewhere: its progress alone.
    pub(super) async fn advance(
        &self,
        execution: Execution,
        cursor: i64,
        lease: Duration,
        rows: u64,
    ) -> Result<(), Unfinished> {
        let step = Step { execution, cursor, lease };
        Ok(self.write(|c| B::advance(c, step, rows, Timestamp::now()).boxed()).await??)
    }

    /// Takes over an action whose process has died, from the step at which that stopped. `false` where there is none.
    pub(super) async fn take_over_action(&self) -> Result<bool, Unavailable> {
        let taken = self.write(|c| B::take_over(c, ACTION_LEASE, Timestamp::now()).boxed()).await?;
        let Some(TakenOver { execution, action, target, cursor }) = taken else { return Ok(false) };
        // The audit tells how it ends.
        if let Some(change) = Change::from_target(action, &target) {
            let _ = self.execute(&change, execution, cursor).await;
        } else if let Some(retention) = prune::from_target(&target).filter(|_| action == Action::Prune) {
            let _ = self.go_on_pruning(retention, execution, cursor).await;
        } else {
            self.write(|c| B::end_action(c, execution, ActionState::Interrupted).boxed()).await?;
        }
        Ok(true)
    }

    /// Carries a change out from behind the delivery `cursor`, step by step, as fast as its pace allows.
    pub(super) async fn execute(
        &self,
        change: &Change,
        execution: Execution,
        cursor: i64,
    ) -> Result<Changed, Unfinished> {
        let mut changed = Changed::default();
        let outcome = self.walk(change, execution, cursor, &mut changed).await;
        // Work behind the changed rows may be due now.
        self.wakeup.notify();
        self.end_action(execution, outcome.map(|()| changed)).await
    }

    async fn walk(
        &self,
        change: &Change,
        execution: Execution,
        cursor: i64,
        changed: &mut Changed,
    ) -> Result<(), Unfinished> {
        let known = self.read(|c| B::known_handlers(c).boxed()).await?;
        let mut selection = change.selection().after(cursor);
        let (mut pace, mut stepped) = (Pace::new(change.per_second()), Instant::now());
        loop {
            let page = self.next_page(change, selection.clone()).await?;
            for selected in steps(&page.selected, change.step_size()) {
                pace.wait(selected.len()).await;
                let cursor = selected.last().map_or(cursor, |last| last.delivery_id);
                let step = Step { execution, cursor, lease: ACTION_LEASE };
                self.step(change, &known, selected, step, changed).await?;
                stepped = Instant::now();
                failpoint::reach("action.step");
            }
            let Some(last_id) = page.next_after else { return Ok(()) };
            selection = selection.after(last_id);
            if stepped.elapsed() >= RENEWAL_INTERVAL {
                self.advance(execution, last_id, ACTION_LEASE, 0).await?;
                stepped = Instant::now();
            }
        }
    }

    async fn next_page(&self, change: &Change, selection: Selection) -> Result<Page, Unavailable> {
        let limit = MAX_STEP_DELIVERIES.into();
        match change {
            Change::Dismiss(_) => self.read(|c| B::undismissed(c, selection, limit).boxed()).await,
            Change::Replay(replay) => {
                let mut page = self.read(|c| B::page(c, selection, limit).boxed()).await?;
                // Where a kind of event is named, nothing else is meant than deliveries without one.
                page.selected.retain(|selected| replay.as_event.is_none() || !selected.has_event);
                Ok(page)
            }
            Change::Discard(_) => self.waiting_page(&selection).await,
        }
    }

    /// The next deliveries with selected work that waits, and that work alone.
    async fn waiting_page(&self, selection: &Selection) -> Result<Page, Unavailable> {
        let (mut waiting, mut next_after) = (BTreeMap::<i64, Selected>::new(), None);
        let asked = selection.state_asked_for();
        let states = [State::Pending, State::Retryable].into_iter();
        for state in states.filter(|state| asked.is_none_or(|asked| asked == *state)) {
            let chosen = selection.clone().state(state);
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            for selected in page.selected {
                match waiting.get_mut(&selected.delivery_id) {
                    Some(known) => known.handlers.extend(selected.handlers),
                    None => drop(waiting.insert(selected.delivery_id, selected)),
                }
            }
            next_after = [next_after, page.next_after].into_iter().flatten().min();
        }
        // Behind the shorter page only one of the states was looked for.
        let selected =
            waiting.into_values().filter(|one| next_after.is_none_or(|end| one.delivery_id <= end)).collect();
        Ok(Page { selected, next_after })
    }

    /// Takes one step.
    async fn step(
        &self,
        change: &Change,
        known: &[KnownHandler],
        selected: &[Selected],
        step: Step,
        changed: &mut Changed,
    ) -> Result<(), Unfinished> {
        match change {
            Change::Replay(replay) => {
                self.replay_step(replay, known, selected, step, &mut changed.replayed).await?;
                self.wakeup.notify();
            }
            Change::Discard(_) => {
                let pairs = selected.iter().flat_map(pairs).collect();
                changed.discarded += self.write(|c| B::discard(c, pairs, step, Timestamp::now()).boxed()).await??;
            }
            Change::Dismiss(_) => {
                let selected = selected.to_vec();
                changed.dismissed += self.write(|c| B::dismiss(c, selected, step, Timestamp::now()).boxed()).await??;
            }
        }
        Ok(())
    }

    /// The number of rows that a change is meant to concern.
    pub(super) async fn meant(&self, change: &Change) -> Result<u64, Unavailable> {
        match change {
            Change::Replay(replay) => {
                let planned = self.plan(replay.selection.clone()).await?;
                let known = self.read(|c| B::known_handlers(c).boxed()).await?;
                let in_force = known.iter().filter(|handler| handler.retired_at.is_none()).count();
                Ok(meant_by_replay(replay, planned, in_force as u64))
            }
            Change::Discard(discard) => self.count_waiting(discard.selection.clone()).await,
            Change::Dismiss(dismissal) => {
                let counted = self.count_undismissed(dismissal.selection.clone()).await?;
                Ok(counted.work + counted.quarantined)
            }
        }
    }

    /// The number of pieces of selected work that wait.
    async fn count_waiting(&self, mut selection: Selection) -> Result<u64, Unavailable> {
        let mut work = 0;
        loop {
            let page = self.waiting_page(&selection).await?;
            work += page.selected.iter().map(|selected| selected.handlers.len() as u64).sum::<u64>();
            let Some(last_id) = page.next_after else { return Ok(work) };
            selection = selection.after(last_id);
        }
    }
}

/// The number of rows that a replay is meant to concern: each piece of work, and each delivery in quarantine.
fn meant_by_replay(replay: &Replay, planned: Planned, handlers: u64) -> u64 {
    let understood = planned.deliveries - planned.quarantined;
    let work = match (&replay.handler, replay.to_all_handlers) {
        (Some(_), _) => understood,
        (None, true) => understood * handlers,
        (None, false) => planned.work,
    };
    work + planned.quarantined
}

/// The steps in which selected deliveries are taken. A delivery in quarantine is a step by itself: it is admitted in a
/// transaction of its own.
fn steps(selected: &[Selected], size: usize) -> impl Iterator<Item = &[Selected]> {
    let runs = selected.chunk_by(|one, other| !one.is_quarantined && !other.is_quarantined);
    runs.flat_map(move |run| run.chunks(size))
}

/// The selected work on a delivery, each with its line.
fn pairs(selected: &Selected) -> Vec<(i64, Line)> {
    let Some(first_delivery_id) = selected.first_delivery_id else { return Vec::new() };
    let line = |handler: &String| Line { first_delivery_id, handler: handler.clone() };
    selected.handlers.iter().map(|name| (selected.delivery_id, line(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(is_quarantined: bool) -> Selected {
        Selected { delivery_id: 1, first_delivery_id: None, is_quarantined, has_event: true, handlers: Vec::new() }
    }

    #[test]
    fn a_delivery_in_quarantine_is_a_step_by_itself() {
        let page: Vec<Selected> = [0, 0, 0, 1, 1, 0].map(|flag| selected(flag == 1)).into();

        let sizes: Vec<usize> = steps(&page, 2).map(<[Selected]>::len).collect();

        assert_eq!(sizes, [2, 1, 1, 1, 1]);
    }

    #[test]
    fn the_selected_work_on_a_delivery_is_in_the_line_of_its_result() {
        let handlers = vec!["A".to_owned(), "B".to_owned()];
        let with_work = Selected { delivery_id: 7, first_delivery_id: Some(3), handlers, ..selected(false) };
        let line = |handler: &str| (7, Line { first_delivery_id: 3, handler: handler.to_owned() });

        assert_eq!(pairs(&with_work), [line("A"), line("B")]);
        assert_eq!(pairs(&selected(true)), []);
    }

    /// Five selected deliveries, two of them in quarantine, and four pieces of work.
    #[test]
    fn a_replay_means_what_is_selected_or_what_its_handlers_get() {
        let planned = Planned { deliveries: 5, work: 4, quarantined: 2 };
        let replay = || Replay::new(Selection::all());

        assert_eq!(meant_by_replay(&replay(), planned, 3), 4 + 2);
        assert_eq!(meant_by_replay(&replay().to_handler("A"), planned, 3), 3 + 2);
        assert_eq!(meant_by_replay(&replay().to_all_handlers(), planned, 3), 3 * 3 + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_deliveries_have_their_turn_in_each_second() {
        let mut pace = Pace::new(10);
        let (began, mut turns) = (Instant::now(), Vec::new());

        for deliveries in [5, 20, 1] {
            pace.wait(deliveries).await;
            turns.push(began.elapsed());
        }

        assert_eq!(turns, [0, 500, 2500].map(Duration::from_millis));
    }
}
