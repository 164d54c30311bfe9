use std::collections::BTreeSet;
use std::path::Path;

use mojito_schema::{DeliveryRow, ResultRow, State, WorkRow};

use super::checker::{
    broken, disorder, doubled, foreign, gaps, leaks, misplaced, missing, strange_effects, unassigned, uncounted_calls,
    wrong_calls, wrong_effects,
};
use super::database::Effect;
use super::{Database, EntryKind, JournalEntry, Ledger, PostgresDatabase, Sent, TestDatabase, drained};

/// The rows, effects and journal that are left when the faults are over, and the promises about them. Each check names
/// what is wrong.
pub(crate) struct FinalState {
    pub(crate) sent: Vec<Sent>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) results: Vec<ResultRow>,
    pub(crate) work: Vec<WorkRow>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) journal: Vec<JournalEntry>,
}

/// Waits until no work is left to do, and checks the state that is left.
pub(crate) async fn settled(database: &Database, ledger: &Ledger, handlers: &[&str]) -> FinalState {
    drained(database).await;
    let final_state = FinalState::read(database, ledger);
    final_state.check(handlers);
    final_state
}

impl FinalState {
    pub(crate) fn read(database: &Database, ledger: &Ledger) -> Self {
        assert_eq!(broken(database), [""; 0], "the file is sound");
        assert_eq!(leaks(database.folder()), [""; 0], "the logs say nothing of anybody");
        Self {
            sent: ledger.sent(),
            deliveries: database.deliveries(),
            results: database.results(),
            work: database.work(),
            effects: database.effects(),
            journal: database.journal_entries(),
        }
    }

    /// The same on Postgres.
    pub(crate) async fn read_postgres(database: &PostgresDatabase, ledger: &Ledger) -> Self {
        Self::read_postgres_with_logs(database, ledger, &[database.folder()]).await
    }

    /// The same where the processes write their logs to other folders, each to one.
    pub(crate) async fn read_postgres_with_logs(
        database: &PostgresDatabase,
        ledger: &Ledger,
        folders: &[&Path],
    ) -> Self {
        assert_eq!(database.broken().await, [""; 0], "the indexes are sound");
        let leaks: Vec<String> = folders.iter().flat_map(|folder| leaks(folder)).collect();
        assert_eq!(leaks, [""; 0], "the logs say nothing of anybody");
        Self {
            sent: ledger.sent(),
            deliveries: database.deliveries().await,
            results: database.results().await,
            work: database.work().await,
            effects: database.effects().await,
            journal: database.journal_entries(),
        }
    }

    /// Fails where anything is wrong that can be told without knowing which faults there were.
    pub(crate) fn check(&self, handlers: &[&str]) {
        self.check_but_attempts(handlers);
        none(&[uncounted_calls(&self.work, &self.journal)]);
    }

    /// The same where a power cut may have taken claims, with the count of their attempts.
    pub(crate) fn check_but_attempts(&self, handlers: &[&str]) {
        self.check_deliveries(handlers);
        none(&[
            wrong_effects(&self.work, &self.effects, &self.journal),
            wrong_calls(&self.work, &self.journal),
            disorder(&self.journal),
        ]);
    }

    /// The same of what was recorded alone, where handlers write their effects elsewhere.
    pub(crate) fn check_deliveries(&self, handlers: &[&str]) {
        none(&[
            missing(&self.sent, &self.deliveries),
            foreign(&self.sent, &self.deliveries),
            doubled(&self.deliveries),
            gaps(&self.deliveries, &self.results),
            misplaced(&self.deliveries, &self.results),
            unassigned(&self.deliveries, &self.work, handlers),
            strange_effects(&self.deliveries, &self.effects),
        ]);
    }

    /// The work that ended otherwise than well.
    pub(crate) fn discarded(&self) -> Vec<&WorkRow> {
        self.work.iter().filter(|work| work.state == State::Discarded).collect()
    }

    /// Whether the hook `discarded` was called for what failed for good, and for nothing else.
    pub(crate) fn is_told_of_all_discarded(&self) -> bool {
        let told: BTreeSet<i64> = self
            .journal
            .iter()
            .filter(|entry| entry.kind == EntryKind::Discarded)
            .map(|entry| entry.delivery)
            .collect();
        told == self.discarded().iter().map(|work| work.delivery_id).collect()
    }
}

fn none(faults: &[Vec<String>]) {
    let faults = faults.concat();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Deliveries that were acknowledged and are not there.
pub(crate) fn lost(database: &Database, ledger: &Ledger) -> Vec<String> {
    missing(&ledger.sent(), &database.deliveries())
}
