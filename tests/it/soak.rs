//! One fault after another, for as long as the scale says: an hour with `MOJITO_TEST_SCALE=full`.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::Signal;

use crate::harness::{Database, FinalState, Load, Process, drained, rounds, seed};

/// The most memory that a host of the debug build has resident while it lives through the faults, in KiB.
const MAX_RESIDENT: i64 = 256 << 10;

/// The host has finished the deliveries that it has acknowledged since the last fault this many acknowledgements later.
const REST: usize = 40;

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// `kill -9`, and another process.
    Killed,
    /// `SIGTERM`, and another process.
    Stopped,
    /// `SIGSTOP` for a while: longer than a lease, now and then.
    Frozen,
    /// A program holds the write lock.
    Locked,
    /// A program reads, so that no checkpoint comes to its end.
    Read,
}

const FAULTS: [Fault; 5] = [Fault::Killed, Fault::Stopped, Fault::Frozen, Fault::Locked, Fault::Read];

// Shows F81.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_lives_through_fault_after_fault_loses_nothing_and_stays_small() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).setting("lease", 2).handlers("effects:plain,external:external");
    let load = Load::start(&mut random, Duration::from_millis(200));
    let mut process = host.start().await;
    load.post_to(&[process.ready().await.unwrap()]);

    let faults = rounds(10, 1_200);
    let (mut counts, mut largest) = ([0; FAULTS.len()], 0);
    for round in 0..faults as usize {
        // Each of them comes, whatever the scale.
        let which = if round < FAULTS.len() { round } else { random.usize(0..FAULTS.len()) };
        counts[which] += 1;
        let pause = Duration::from_millis(random.u64(50..3_000));
        match FAULTS[which] {
            Fault::Killed => {
                process.kill();
                process = host.start().await;
            }
            Fault::Stopped => {
                process.stop().await;
                process = host.start().await;
            }
            Fault::Frozen => {
                process.freeze().await;
                tokio::time::sleep(pause).await;
                process.signal(Signal::CONT);
            }
            Fault::Locked => {
                let lock = database.lock();
                tokio::time::sleep(pause).await;
                drop(lock);
            }
            Fault::Read => {
                let reader = database.read();
                tokio::time::sleep(pause).await;
                drop(reader);
            }
        }
        load.post_to(&[process.ready().await.unwrap()]);
        load.acknowledged(load.ledger.tally().acknowledged + REST).await;
        largest = largest.max(process.memory().resident);
    }
    let ledger = load.stop().await;
    drained(&database).await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects", "external"]);
    assert_eq!(final_state.discarded().len(), 0);
    let tally = ledger.tally();
    println!(
        "{faults} faults {counts:?}, {largest} KiB at most, {} deliveries, {tally:?}",
        final_state.deliveries.len()
    );
    assert!(largest < MAX_RESIDENT, "{largest} KiB are resident");
    assert!(descriptors(&process) < 100, "{} descriptors are open", descriptors(&process));
}

/// The number of open descriptors of a process.
fn descriptors(process: &Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}
