use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::{Body, Database, FinalState, Ledger, PostOutcome, Process, Tracer, drained, rounds};

/// The memory that a host may need more for requests that wait.
const LEEWAY: i64 = 64 << 10;

// Shows F14.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_refuses_at_the_deadline_and_makes_the_retry_a_repeat() {
    let database = Arc::new(Database::with_effects());
    let mut process = Process::builder(&database).setting("ack_deadline", 1).start().await;
    let ledger = Ledger::default();
    let entry = |number: u32| ledger.enter("interview_result", Body::result(&format!("r-{number}")).bytes());
    let warm = entry(0);
    assert!(process.deliver(&ledger, warm).await.is_acknowledged());
    let memory = process.memory();

    let tracer = Tracer::attach(&database, &process, "fdatasync,fsync", "delay_enter=3000000").await;
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    for number in 1..=rounds(8, 200) {
        let posted = Instant::now();
        let outcome = process.deliver(&ledger, entry(number)).await;
        slowest = slowest.max(posted.elapsed());
        assert_eq!(outcome, PostOutcome::Refused(503), "{:?} after the disk became slow", began.elapsed());
    }
    let grown = (process.memory() - memory).resident;
    let slowed = tracer.detach();
    for (entry, _) in ledger.unacknowledged() {
        while !process.deliver(&ledger, entry).await.is_acknowledged() {}
    }
    drained(&database).await;

    println!("{slowed} syncs slowed down, the slowest answer took {slowest:?}, memory grew by {grown} KiB");
    assert!(slowed > 0);
    assert!(slowest < Duration::from_secs(2), "answered only after {slowest:?}");
    assert!(grown < LEEWAY, "memory grew by {grown} KiB");
    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects"]);
    let repeated = final_state.deliveries.iter().filter(|row| row.repeat_count > 0).count();
    assert!(repeated > 0, "what was refused was committed late, and its retry was a repeat");
}
