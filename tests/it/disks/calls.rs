use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use fastrand::Rng;
use rustix::process::Signal;

use crate::harness::{
    Body, Database, FinalState, Ledger, Process, ProcessBuilder, TestDatabase, drained, found, rounds, seed,
};

/// The system calls by which a host reads, writes, syncs, locks, waits, answers and deletes.
const CALLS: &[&str] = &[
    "accept4",
    "close",
    "epoll_wait",
    "fcntl",
    "fdatasync",
    "fsync",
    "ftruncate",
    "futex",
    "mmap",
    "newfstatat",
    "openat",
    "pread64",
    "pwrite64",
    "read",
    "recvfrom",
    "rename",
    "sendto",
    "unlink",
    "write",
    "writev",
];

/// How many there must be at least, or the life that is looked at is none.
const FEWEST: usize = 300;

// Shows F02.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_at_any_system_call_loses_nothing_and_doubles_nothing() {
    let mut random = Rng::with_seed(seed());
    let calls = life().await;
    println!("{calls:?}");
    let mut points: Vec<(&str, usize)> =
        calls.into_iter().flat_map(|(call, count)| (1..=count).map(move |nth| (call, nth))).collect();
    let all = points.len();
    random.shuffle(&mut points);
    points.truncate(rounds(40, u32::MAX) as usize);

    let mut deaths = 0;
    for (call, nth) in &points {
        println!("{call}:{nth}");
        deaths += usize::from(dies_at(call, *nth).await);
    }

    println!("{all} points, {} tried, {deaths} deaths", points.len());
    assert!(all >= FEWEST, "{all} points");
    // Threads share the work as they like: a point at the end of a life is not always come to.
    assert!(deaths * 10 >= points.len() * 6, "only {deaths} deaths at {} points", points.len());
}

/// How often each call is made in one life, by the thread that makes it most often: `strace` counts by thread.
async fn life() -> BTreeMap<&'static str, usize> {
    let database = Arc::new(Database::with_effects());
    let trace = database.folder().join("trace");
    let host = Process::builder(&database).traced([
        "-f",
        "-o",
        trace.to_str().unwrap(),
        "-e",
        &format!("trace={}", CALLS.join(",")),
    ]);
    let ledger = Ledger::default();

    let has_died = live(&host, &database, &ledger).await;

    assert!(!has_died, "nothing kills it");
    FinalState::read(&database, &ledger).check(&["effects"]);
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let trace = std::fs::read_to_string(trace).unwrap();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        if let Some(call) = CALLS.iter().find(|call| **call == name) {
            *counts.entry((call, thread)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for call in CALLS {
        let counts = counts.iter().filter(|((name, _), _)| name == call).map(|(_, count)| *count);
        if let Some(count) = counts.max() {
            most.insert(*call, count);
        }
    }
    most
}

/// Kills a host at a system call, and lets another finish. Whether it came to that call.
async fn dies_at(call: &str, nth: usize) -> bool {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database);
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let traced = host.clone().traced(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
    let ledger = Ledger::default();

    let has_died = live(&traced, &database, &ledger).await;
    let mut next = host.start().await;
    for (entry, _) in ledger.unacknowledged() {
        let outcome = next.deliver(&ledger, entry).await;
        assert!(outcome.is_acknowledged(), "{outcome:?} after a death at {call}:{nth}");
    }
    drained(&database).await;
    next.kill();

    FinalState::read(&database, &ledger).check(&["effects"]);
    has_died
}

/// One life: it starts, takes one delivery, handles it, and stops. Whether it was killed.
async fn live(host: &ProcessBuilder, database: &Database, ledger: &Ledger) -> bool {
    let entry = ledger.enter("interview_result", Body::result("r-1").bytes());
    let mut process = host.spawn();
    if process.ready().await.is_some() && process.deliver(ledger, entry).await.is_acknowledged() {
        let is_handled = || database.work().iter().all(|work| work.finished_at.is_some());
        found("the end of the work, or of the host", || (is_handled() || process.has_ended()).then_some(())).await;
    }
    let (status, _) = process.stop().await;
    status.signal() == Some(Signal::KILL.as_raw())
}
