use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mojito_schema::{State, WorkRow};
use rustix::process::Signal;

use crate::harness::{Body, Cgroup, Database, FinalState, Ledger, PATIENCE, Process, found, rounds, seed, settled};

const ATTEMPTS: i32 = 3;

// Shows F09.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_aborts_the_process_is_discarded_after_its_last_attempt_and_harms_no_other() {
    for _ in 0..rounds(2, 20) {
        assert_poison_is_discarded("abort", Signal::ABORT, None).await;
    }
}

// Shows F09.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_overflows_the_stack_is_discarded_after_its_last_attempt_and_harms_no_other() {
    for _ in 0..rounds(2, 20) {
        assert_poison_is_discarded("overflow", Signal::ABORT, None).await;
    }
}

// Shows F05.
/// The kernel kills what uses up the memory of its control group.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_uses_up_the_memory_is_discarded_after_its_last_attempt_and_harms_no_other() {
    let cgroup = Cgroup::with_memory(256);
    for _ in 0..rounds(1, 10) {
        assert_poison_is_discarded("exhaust", Signal::KILL, Some(&cgroup)).await;
    }
}

/// Starts the host again whenever it has died.
async fn assert_poison_is_discarded(behaviour: &str, death: Signal, cgroup: Option<&Cgroup>) {
    let database = Arc::new(Database::with_effects());
    // The other handler is slow: some of its work is always under way when the process dies.
    let host = Process::builder(&database)
        .handlers(format!("effects:{behaviour},slow:slow:300"))
        .setting("max_attempts", ATTEMPTS);
    let ledger = Ledger::default();
    // Recorded while nothing is handled, so that the poison has neighbours when it is claimed.
    let mut quiet = host.clone().handlers("effects:pending,slow:pending").start().await;
    let mut ids = ["r-1", "r-2", "r-3", "poison", "r-4", "r-5", "r-6"];
    Rng::with_seed(seed()).shuffle(&mut ids);
    for id in ids {
        quiet.acknowledges(&ledger, id).await;
    }
    let (status, _) = quiet.stop().await;
    assert!(status.success(), "{status}");

    let mut deaths = 0;
    // It may meet the poison before it listens.
    let spawn = || {
        let process = host.spawn();
        cgroup.inspect(|cgroup| cgroup.add(&process));
        process
    };
    let mut process = spawn();
    let began = Instant::now();
    while database.work().iter().any(|work| work.finished_at.is_none()) {
        assert!(began.elapsed() < PATIENCE, "it never ends, after {deaths} deaths");
        if process.has_ended() {
            deaths += 1;
            assert_eq!(process.ended().await.signal(), Some(death.as_raw()));
            process = spawn();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects", "slow"]);
    assert_eq!(database.gaps_in_history(), [""; 0], "the history tells of each attempt");
    let discarded = final_state.discarded().into_iter();
    let discarded: Vec<(Option<String>, &str, i32)> = discarded
        .map(|work| (database.delivery(work.delivery_id).result_id, work.handler.as_str(), work.attempt))
        .collect();
    assert_eq!(discarded, [(Some("poison".to_owned()), "effects", ATTEMPTS)]);
    assert_eq!(deaths, ATTEMPTS, "it is never tried once more");
    assert_eq!(process.post("interview_result", &Body::result("r-7").bytes()).await.unwrap().status, 200);
}

// Shows F09.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failed_attempt_and_the_process_lives() {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).handlers("effects:panic").setting("max_attempts", 3);
    let ledger = Ledger::default();
    let mut process = host.start().await;
    process.acknowledges(&ledger, "poison").await;
    let address = process.ready().await;

    for attempt in 1..=ATTEMPTS {
        let failed = |work: &WorkRow| work.attempt == attempt && work.state != State::Running;
        found("the attempt to fail", || database.work().first().filter(|work| failed(work)).map(drop)).await;
        // The backoff is not what is tested here.
        database.run("UPDATE mojito_work SET due_at = '2001-01-01 00:00:00.000000' WHERE state = 'retryable'");
        process.acknowledges(&ledger, &format!("r-{attempt}")).await;
    }

    let final_state = settled(&database, &ledger, &["effects"]).await;
    let [work] = final_state.discarded()[..] else { panic!("the poison alone is discarded") };
    assert_eq!((work.attempt, work.last_error.as_deref()), (ATTEMPTS, Some("the handler panicked: poison")));
    assert!(!process.has_ended());
    assert_eq!(process.ready().await, address);
}
