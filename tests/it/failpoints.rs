use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;

use mojito_schema::State;
use rustix::process::Signal;

use crate::harness::{
    Body, Database, EntryKind, FinalState, Ledger, Process, ProcessBuilder, drained, eventually, found, rounds,
};

/// How many deliveries each host is posted before it dies.
const DELIVERIES: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_before_it_records_has_lost_nothing() {
    for round in turns(2, 20) {
        killed_at("ingress.read", round % DELIVERIES + 1, "plain").await;
    }
}

// Shows F03.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_before_it_commits_has_recorded_nothing() {
    for round in turns(2, 20) {
        let killed = killed_at("record.written", round % DELIVERIES + 1, "plain").await;

        assert!(killed.deliveries.iter().all(|row| row.repeat_count == 0));
    }
}

// Shows F03.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_committed_and_not_answered_is_a_repeat_when_it_comes_again() {
    for round in turns(3, 20) {
        let nth = round % DELIVERIES + 1;

        let killed = killed_at("record.committed", nth, "plain").await;

        // The retry was told the delivery that was stored before the death.
        assert_eq!(killed.sent[nth - 1].acknowledged(), Some(nth as i64));
        let repeats: Vec<(usize, i64)> = (0..).zip(&killed.deliveries).map(|(n, d)| (n, d.repeat_count)).collect();
        let expected: Vec<(usize, i64)> = (0..=DELIVERIES).map(|n| (n, i64::from(n == nth - 1))).collect();
        assert_eq!(repeats, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_died_before_its_handler_began_is_made_again() {
    for round in turns(2, 20) {
        killed_at("claim.committed", round, "plain").await;
    }
}

// Shows F03.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_between_two_claims_leaves_the_rest_to_the_next() {
    for round in turns(2, 20) {
        killed_at("executor.loop", round + 1, "plain").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_commit_never_began_is_made_once_by_the_next_host() {
    for round in turns(2, 20) {
        let killed = killed_at("attempt.committing", round % DELIVERIES + 1, "plain").await;

        assert!(killed.work.iter().any(|work| work.attempt > 1), "the attempt that died counts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_was_committed_before_the_host_died_is_not_made_again() {
    for round in turns(2, 20) {
        killed_at("attempt.committed", round % DELIVERIES + 1, "plain").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_while_it_renews_leaves_its_leases_to_lapse() {
    for round in turns(2, 20) {
        killed_at("lease.renewed", round + 2, "slow:1500").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_was_being_discarded_when_the_host_died_is_discarded_in_the_end() {
    for round in turns(2, 20) {
        let killed = killed_at("work.discarded", round, "refuse").await;

        assert_eq!(killed.discarded().len(), DELIVERIES.div_ceil(2), "every poisoned delivery, no other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_whose_host_died_before_it_was_called_is_called_by_the_next() {
    for round in turns(2, 20) {
        let killed = killed_at("hook.taken", round % 4 + 1, "refuse").await;

        assert!(killed.is_told_of_all_discarded());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_whose_host_died_before_that_was_settled_is_called_again() {
    for round in turns(2, 20) {
        let killed = killed_at("hook.called", round % 4 + 1, "refuse").await;

        assert!(killed.is_told_of_all_discarded());
        let calls = killed.journal.iter().filter(|entry| entry.kind == EntryKind::Discarded).count();
        assert!(calls > killed.discarded().len(), "the call that was not settled, and another: {calls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_while_it_prunes_has_pruned_all_or_nothing() {
    for _ in 0..rounds(2, 20) {
        let database = Arc::new(Database::with_effects());
        let host = Process::builder(&database);
        let mut first = host.start().await;
        for number in 0..DELIVERIES {
            first.post("interview_result", &body(number)).await.unwrap();
        }
        drained(&database).await;
        first.kill();
        database.run("UPDATE mojito_deliveries SET received_at = '2001-01-01 00:00:00.000000'");
        // The clock of two days before says as well that they are old.
        database.run("UPDATE mojito_clock_readings SET at = datetime('now', '-2 days')");

        let died = host.clone().fail_at("prune.bodies", 1).spawn().ended().await;
        let kept = database.deliveries().iter().filter(|row| row.body.is_some()).count();
        let _next = host.start().await;
        found("the bodies to go", || database.deliveries().iter().all(|row| row.body.is_none()).then_some(())).await;

        assert_eq!(died.signal(), Some(Signal::ABORT.as_raw()));
        assert_eq!(kept, DELIVERIES);
        assert_eq!(database.effects().len(), DELIVERIES);
        assert!(database.work().iter().all(|work| work.state == State::Completed && work.attempt == 1));
    }
}

// Shows F03.
#[test]
fn every_fail_point_is_tried() {
    let sources = [
        include_str!("failpoints.rs"),
        include_str!("panics.rs"),
        include_str!("startup.rs"),
        include_str!("actions/running.rs"),
        include_str!("copy/cut_off.rs"),
    ];
    // A point stands alone, or with the number of times at which it is reached.
    let is_tried = |point: &str| {
        let named = [format!("\"{point}\""), format!("\"{point}:")];
        sources.iter().any(|source| named.iter().any(|name| source.contains(name)))
    };

    let points: BTreeSet<String> = ["rocket-mojito/src", "diesel-schema/src"].into_iter().flat_map(points).collect();

    assert!(points.len() >= 10, "{points:?}");
    let untried: Vec<&String> = points.iter().filter(|point| !is_tried(point)).collect();
    assert_eq!(untried, [""; 0]);
}

/// The names of the fail points in the sources of a folder.
fn points(folder: &str) -> BTreeSet<String> {
    let mut points = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(path).unwrap();
            let calls = source.split("failpoint::reach(\"").skip(1);
            points.extend(calls.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    points
}

/// The numbers of the rounds: each dies somewhere else.
fn turns(small: u32, full: u32) -> RangeInclusive<usize> {
    1..=rounds(small, full) as usize
}

/// Posts to a host until it dies at a fail point, sends what was not acknowledged to the next, and checks what is left.
async fn killed_at(point: &str, nth: usize, behaviour: &str) -> FinalState {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).handlers(format!("effects:{behaviour}"));
    let ledger = Ledger::default();
    for number in 0..=DELIVERIES {
        ledger.enter("interview_result", body(number));
    }

    let mut armed = host.clone().fail_at(point, nth).spawn();
    if armed.ready().await.is_some() {
        for entry in 0..DELIVERIES {
            armed.deliver(&ledger, entry).await;
        }
    }
    let died = armed.ended().await;
    assert_eq!(died.signal(), Some(Signal::ABORT.as_raw()), "it dies at {point}:{nth}, and nowhere else");
    settle(&host, &database, &ledger).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects"]);
    assert_eq!(final_state.deliveries.len(), DELIVERIES + 1);
    final_state
}

/// Sends what was not acknowledged yet to a host that stays up, and lets it do its work.
async fn settle(host: &ProcessBuilder, database: &Arc<Database>, ledger: &Ledger) {
    // A hook that the dead host had taken is due now.
    database.run("UPDATE mojito_work SET hook_due_at = '2001-01-01 00:00:00.000000' WHERE hook_due_at IS NOT NULL");
    let mut next = host.start().await;
    for (entry, _) in ledger.unacknowledged() {
        next.deliver(ledger, entry).await;
    }
    assert_eq!(ledger.unacknowledged().len(), 0, "a host that stays up acknowledges everything");
    drained(database).await;
    let owed = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_work WHERE hook_due_at IS NOT NULL";
    eventually("no hook is owed", || database.texts(owed) == ["0"]).await;
    let (status, _) = next.stop().await;
    assert!(status.success(), "{status}");
}

/// Four results, two versions and more of each; poison every other one.
fn body(number: usize) -> Vec<u8> {
    let id = match number % 4 {
        line if line % 2 == 0 && number < DELIVERIES => format!("poison-{line}"),
        line => format!("plain-{line}"),
    };
    Body::result(&id).with("candidate_external_id", format!("mark-{number}")).bytes()
}
