//! The promises about a final state, each as a check that names its breaches.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use mojito_schema::{DeliveryRow, ResultRow, Standing, State, WorkRow};

use super::database::Effect;
use super::{Database, EntryKind, JournalEntry, SECRET, Sent};

/// I1: what was acknowledged is there, under the id that was told, byte for byte.
pub(super) fn missing(sent: &[Sent], deliveries: &[DeliveryRow]) -> Vec<String> {
    let stored: HashMap<i64, &DeliveryRow> = deliveries.iter().map(|row| (row.id, row)).collect();
    let acknowledged = sent.iter().filter_map(|sent| Some((sent, sent.acknowledged()?)));
    acknowledged
        .filter(|(sent, id)| stored.get(id).is_none_or(|row| row.body.as_ref() != Some(&sent.body)))
        .map(|(sent, id)| format!("acknowledged as {id} and lost, after {:?}", sent.posts))
        .collect()
}

/// I2: nothing is there that was not sent.
pub(super) fn foreign(sent: &[Sent], deliveries: &[DeliveryRow]) -> Vec<String> {
    let sent: HashSet<(&str, &[u8])> = sent.iter().map(|sent| (sent.event, &sent.body[..])).collect();
    let is_foreign =
        |row: &&DeliveryRow| !sent.contains(&(row.event.as_str(), row.body.as_deref().unwrap_or_default()));
    deliveries.iter().filter(is_foreign).map(|row| format!("delivery {} was never sent", row.id)).collect()
}

/// A retry is a repeat: no bytes are there twice.
pub(super) fn doubled(deliveries: &[DeliveryRow]) -> Vec<String> {
    let mut seen = HashSet::new();
    let again = deliveries.iter().filter(|row| row.body.is_some() && !seen.insert((row.event, &row.body)));
    again.map(|row| format!("delivery {} is there twice", row.id)).collect()
}

/// The versions of each result are 1, 2, 3 and so on, in stored order, and the result knows the last.
pub(super) fn gaps(deliveries: &[DeliveryRow], results: &[ResultRow]) -> Vec<String> {
    let mut versions: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    for row in deliveries.iter().filter(|row| row.standing == Standing::Current) {
        let key = (row.endpoint.as_str(), row.result_id.as_deref().unwrap_or_default());
        versions.entry(key).or_default().push(row.version.unwrap_or(0));
    }
    let last: BTreeMap<(&str, &str), i64> =
        results.iter().map(|row| ((row.endpoint.as_str(), row.id.as_str()), row.version)).collect();
    let mut faults = Vec::new();
    for (key, versions) in &versions {
        if !versions.iter().copied().eq(1..=versions.len() as i64) {
            faults.push(format!("{key:?} has the versions {versions:?}"));
        }
        if last.get(key) != versions.last() {
            faults.push(format!("{key:?} is at version {:?} and had {versions:?}", last.get(key)));
        }
    }
    let never = last.keys().filter(|key| !versions.contains_key(*key));
    faults.extend(never.map(|key| format!("{key:?} has a state and no delivery")));
    faults
}

/// I6: the state of each result is the snapshot of its last version.
pub(super) fn misplaced(deliveries: &[DeliveryRow], results: &[ResultRow]) -> Vec<String> {
    let is_misplaced = |result: &&ResultRow| {
        let Some(row) = deliveries.iter().find(|row| row.id == result.delivery_id) else { return true };
        let body: serde_json::Value = serde_json::from_slice(row.body.as_deref().unwrap_or(b"{}")).unwrap();
        let state = &result.snapshot;
        row.version != Some(result.version)
            || row.event != result.event
            || body["candidate_external_id"].as_str() != state.candidate_external_id.as_deref()
            || body["status"].as_str() != state.status.as_deref()
            || body["score"].as_f64() != state.score
    };
    results
        .iter()
        .filter(is_misplaced)
        .map(|row| format!("the state of {} is not its last version's", row.id))
        .collect()
}

/// Every current delivery is work for every handler, and nothing else is.
pub(super) fn unassigned(deliveries: &[DeliveryRow], work: &[WorkRow], handlers: &[&str]) -> Vec<String> {
    let current = deliveries.iter().filter(|row| row.standing == Standing::Current).map(|row| row.id);
    let due: HashSet<(i64, &str)> = current.flat_map(|id| handlers.iter().map(move |handler| (id, *handler))).collect();
    let assigned: HashSet<(i64, &str)> = work.iter().map(|work| (work.delivery_id, work.handler.as_str())).collect();
    due.symmetric_difference(&assigned).map(|key| format!("{key:?} has no work, or work without a cause")).collect()
}

/// I3: an effect for each completed piece of work of a handler that writes effects, and none else.
pub(super) fn wrong_effects(work: &[WorkRow], effects: &[Effect], journal: &[JournalEntry]) -> Vec<String> {
    let external = callers(journal);
    let mut found: HashMap<(i64, &str), Vec<&Effect>> = HashMap::new();
    for effect in effects {
        found.entry((effect.delivery_id, &effect.handler)).or_default().push(effect);
    }
    let mut faults = Vec::new();
    for work in work.iter().filter(|work| !external.contains(work.handler.as_str())) {
        let effects = found.remove(&(work.delivery_id, work.handler.as_str())).unwrap_or_default();
        let due = usize::from(work.state == State::Completed);
        if effects.len() != due {
            faults.push(format!("{due} effects were due, and there are {effects:?} of {work:?}"));
        }
        if effects.iter().any(|effect| effect.attempt != work.attempt) {
            faults.push(format!("the effect is of another attempt than the one that counts: {effects:?} of {work:?}"));
        }
    }
    faults.extend(found.into_values().map(|effects| format!("effects of no work: {effects:?}")));
    faults
}

/// An effect names the result that its delivery is about.
pub(super) fn strange_effects(deliveries: &[DeliveryRow], effects: &[Effect]) -> Vec<String> {
    let results: HashMap<i64, Option<&str>> = deliveries.iter().map(|row| (row.id, row.result_id.as_deref())).collect();
    let is_strange = |effect: &&Effect| results.get(&effect.delivery_id) != Some(&Some(effect.result_id.as_str()));
    effects.iter().filter(is_strange).map(|effect| format!("the effect is about another result: {effect:?}")).collect()
}

/// I7: what a transaction does not cover happens once at least, and with one key.
pub(super) fn wrong_calls(work: &[WorkRow], journal: &[JournalEntry]) -> Vec<String> {
    let external = callers(journal);
    let mut found: HashMap<(i64, &str), Vec<&JournalEntry>> = HashMap::new();
    for entry in journal.iter().filter(|entry| entry.kind == EntryKind::Call) {
        found.entry((entry.delivery, &entry.handler)).or_default().push(entry);
    }
    let mut faults = Vec::new();
    let mut keys = HashSet::new();
    for work in work.iter().filter(|work| external.contains(work.handler.as_str())) {
        let calls = found.remove(&(work.delivery_id, work.handler.as_str())).unwrap_or_default();
        if calls.is_empty() && work.state == State::Completed {
            faults.push(format!("completed without a call: {work:?}"));
        }
        let own: HashSet<&str> = calls.iter().map(|call| call.key.as_str()).collect();
        if own.len() > 1 || own.into_iter().any(|key| !keys.insert(key)) {
            faults.push(format!("a key that changes, or is not its own: {calls:?}"));
        }
    }
    faults.extend(found.into_values().map(|calls| format!("calls for no work: {calls:?}")));
    faults
}

/// I7: the same, each call by an attempt that was counted.
pub(super) fn uncounted_calls(work: &[WorkRow], journal: &[JournalEntry]) -> Vec<String> {
    let calls = |work: &WorkRow| {
        let of = |entry: &&JournalEntry| {
            (entry.delivery, entry.handler.as_str()) == (work.delivery_id, work.handler.as_str())
        };
        let calls = journal.iter().filter(|entry| entry.kind == EntryKind::Call).filter(of);
        calls.map(|call| call.attempt).collect::<Vec<_>>()
    };
    let mut faults = Vec::new();
    for work in work {
        let mut attempts = calls(work);
        let count = attempts.len();
        attempts.sort_unstable();
        attempts.dedup();
        if attempts.len() < count || attempts.last().is_some_and(|last| *last > work.attempt) {
            faults.push(format!("calls by attempts {attempts:?} of {work:?}"));
        }
    }
    faults
}

/// The handlers whose effect is outside the database.
fn callers(journal: &[JournalEntry]) -> HashSet<&str> {
    journal.iter().filter(|entry| entry.kind == EntryKind::Call).map(|entry| entry.handler.as_str()).collect()
}

/// I5, in every case: a handler never goes back to an older delivery of a result.
pub(super) fn disorder(journal: &[JournalEntry]) -> Vec<String> {
    let mut newest: HashMap<(&str, &str), i64> = HashMap::new();
    let mut faults = Vec::new();
    for entry in journal.iter().filter(|entry| entry.kind == EntryKind::Start) {
        let newest = newest.entry((&entry.handler, &entry.result)).or_default();
        if entry.delivery < *newest {
            faults.push(format!("started after delivery {newest} had been: {entry:?}"));
        }
        *newest = entry.delivery.max(*newest);
    }
    faults
}

/// I5, where nothing was killed or frozen: no two runs of a handler about one result overlap.
pub(crate) fn overlaps(journal: &[JournalEntry]) -> Vec<String> {
    let mut running: HashMap<(&str, &str), &JournalEntry> = HashMap::new();
    let mut faults = Vec::new();
    for entry in journal {
        let key = (entry.handler.as_str(), entry.result.as_str());
        match entry.kind {
            EntryKind::Start => {
                if let Some(other) = running.insert(key, entry) {
                    faults.push(format!("{entry:?} started while {other:?} ran"));
                }
            }
            EntryKind::Call | EntryKind::Hold | EntryKind::Discarded => {}
            EntryKind::End => {
                let started = running.remove(&key);
                if started.is_none_or(|start| (start.delivery, start.process) != (entry.delivery, entry.process)) {
                    faults.push(format!("{entry:?} ended, and {started:?} had started"));
                }
            }
        }
    }
    faults
}

/// I9: lines of logs that say who a candidate is, what was said of her, what a handler's error says, or the secret.
pub(super) fn leaks(folder: &Path) -> Vec<String> {
    const CANARIES: [&str; 6] =
        ["Test Person", "test@example.com", "clear answers", "worth a talk", "canary of a handler", SECRET];
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let logs: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "log")).collect();
    assert!(!logs.is_empty(), "there is no log in {}", folder.display());
    let lines = logs.into_iter().flat_map(|log| {
        let text = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines.filter(|line| CANARIES.iter().any(|canary| line.contains(canary))).collect()
}

/// I11: what SQLite finds wrong with the file.
pub(super) fn broken(database: &Database) -> Vec<String> {
    let query = "SELECT integrity_check AS value FROM pragma_integrity_check
                 UNION ALL SELECT \"table\" FROM pragma_foreign_key_check";
    database.texts(query).into_iter().filter(|found| found != "ok").collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Body, FinalState, Host, Ledger, PostOutcome, TestDatabase};
    use super::*;

    /// Two versions of one result, acknowledged, handled and sound.
    async fn sound() -> FinalState {
        let host = Host::builder().start().await;
        let ledger = Ledger::default();
        for marker in ["a", "b"] {
            let body = Body::result("r-1").with("candidate_external_id", marker).bytes();
            let entry = ledger.enter("interview_result", body.clone());
            ledger.begin(entry);
            ledger.end(entry, PostOutcome::Acknowledged(host.post("interview_result", &body).await.delivery()));
        }
        host.database.run(
            "CREATE TABLE effects (id INTEGER PRIMARY KEY, delivery_id, result_id, version, handler, attempt, process);
             INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, state, attempt, max_attempts, finished_at)
             SELECT id, handler, first_delivery_id, 'completed', 1, 3, received_at
             FROM mojito_deliveries, (SELECT 'effects' AS handler UNION SELECT 'external');
             INSERT INTO effects SELECT id, id, result_id, 1, handler, attempt, 1
             FROM mojito_work JOIN mojito_deliveries ON delivery_id = id WHERE handler = 'effects'",
        );
        let mut journal = String::new();
        for id in [1, 2] {
            for what in ["start", "call", "end"] {
                journal.push_str(&format!("{what}\texternal\t{id}\tr-1\t{id}\t1\t7\tkey-{id}\n"));
            }
        }
        std::fs::write(host.database.journal(), journal).unwrap();
        std::fs::write(host.database.folder().join("host.log"), "a delivery was recorded\n").unwrap();
        FinalState::read(&host.database, &ledger)
    }

    const HANDLERS: [&str; 2] = ["effects", "external"];

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sound_aftermath_passes_every_check() {
        let final_state = sound().await;

        final_state.check(&HANDLERS);

        assert_eq!(overlaps(&final_state.journal), [""; 0]);
    }

    #[test]
    fn a_log_that_says_something_of_somebody_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one.log"), "a delivery was recorded\n").unwrap();
        assert_eq!(leaks(folder.path()), [""; 0]);

        let leak = "an attempt failed text=canary of a handler";
        std::fs::write(folder.path().join("other.log"), format!("recovered\n{leak}\n")).unwrap();

        assert_eq!(leaks(folder.path()), [leak]);
    }

    #[test]
    #[should_panic(expected = "there is no log")]
    fn where_there_is_no_log_nothing_is_shown() {
        leaks(tempfile::tempdir().unwrap().path());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_check_finds_what_it_is_for() {
        let FinalState { sent, deliveries, results, work, effects, journal } = sound().await;

        // Acknowledged and lost, changed, or under another id; never sent; stored twice.
        assert_eq!(missing(&sent, &deliveries[1..]).len(), 1);
        let mut changed = deliveries.clone();
        changed[0].body.as_mut().unwrap()[9] ^= 1;
        assert_eq!(missing(&sent, &changed).len(), 1);
        changed[0].body.clone_from(&deliveries[1].body);
        assert_eq!(missing(&sent, &changed).len(), 1);
        assert_eq!(foreign(&sent[1..], &deliveries).len(), 1);
        assert_eq!(doubled(&[&deliveries[..], &deliveries[..1]].concat()).len(), 1);

        // A version that is missing, and one that the result does not know; a state that is not its version's.
        assert_eq!(gaps(&deliveries[1..], &results).len(), 1);
        assert_eq!(gaps(&deliveries[..1], &results).len(), 1);
        assert_eq!(gaps(&[], &results).len(), 1);
        let mut moved = results.clone();
        moved[0].delivery_id = 1;
        assert_eq!(misplaced(&deliveries, &moved).len(), 1);
        moved[0].clone_from(&results[0]);
        moved[0].snapshot.candidate_external_id = Some("a".to_owned());
        assert_eq!(misplaced(&deliveries, &moved).len(), 1);

        // Work that was never made, and work for nothing.
        assert_eq!(unassigned(&deliveries, &work[1..], &HANDLERS).len(), 1);
        assert_eq!(unassigned(&deliveries[1..], &work, &HANDLERS).len(), 2);

        // An effect that is missing, doubled, of work that was not done, of no work, of an attempt that did not count.
        assert_eq!(wrong_effects(&work, &effects[1..], &journal).len(), 1);
        assert_eq!(wrong_effects(&work, &[&effects[..], &effects[..1]].concat(), &journal).len(), 1);
        let mut undone = work.clone();
        undone.iter_mut().for_each(|work| work.state = State::Discarded);
        assert_eq!(wrong_effects(&undone, &effects, &journal).len(), 2);
        assert_eq!(wrong_effects(&work[2..], &effects, &journal).len(), 1);
        let mut stale = effects.clone();
        stale[0].attempt = 2;
        assert_eq!(wrong_effects(&work, &stale, &journal).len(), 1);
        stale[0].result_id = "r-2".to_owned();
        assert_eq!(strange_effects(&deliveries, &stale).len(), 1);

        // A call that is missing, doubled within an attempt, with the key of another, for no work.
        let call = |entry: &&JournalEntry| entry.kind == EntryKind::Call;
        let calls: Vec<JournalEntry> = journal.iter().filter(call).cloned().collect();
        assert_eq!(wrong_calls(&work, &calls[1..]).len(), 1);
        assert_eq!(uncounted_calls(&work, &[&calls[..], &calls[..1]].concat()).len(), 1);
        let mut borrowed = calls.clone();
        borrowed[1].key.clone_from(&calls[0].key);
        assert_eq!(wrong_calls(&work, &borrowed).len(), 1);
        assert_eq!(wrong_calls(&work[2..], &calls).len(), 1);

        // Runs that go back, overlap, or end twice.
        assert_eq!(disorder(&[&journal[3..], &journal[..3]].concat()).len(), 1);
        assert_eq!(overlaps(&[&journal[..1], &journal[3..4]].concat()).len(), 1);
        assert_eq!(overlaps(&[&journal[..3], &journal[2..3]].concat()).len(), 1);
    }
}
