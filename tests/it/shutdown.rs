use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::State;
use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Sqlite};
use rustix::process::Signal;

use crate::harness::{
    Body, Database, EntryKind, FinalState, Host, Ledger, Load, Process, TestDatabase, drained, found, rounds, seed,
};

// Shows F06.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_told_to_stop_under_load_leaves_nothing_half_done() {
    let mut random = Rng::with_seed(seed());
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).handlers("effects:plain,slow:slow:100,external:external");
    let load = Load::start(&mut random, Duration::from_millis(40));

    let stops = rounds(5, 50);
    let (mut in_order, mut skipped, mut abandoned) = (0, 0, BTreeSet::new());
    while in_order < stops {
        let mut process = host.start().await;
        load.post_to(&[process.ready().await.unwrap()]);
        tokio::time::sleep(Duration::from_millis(random.u64(200..1000))).await;
        let (status, took) = process.stop().await;
        load.post_to(&[]);

        assert!(took <= host.longest_stop(), "it took {took:?}");
        if process.has_skipped_its_shutdown() {
            skipped += 1;
            assert!(skipped <= stops, "{skipped} stops skipped, and {in_order} in order");
            // Rocket takes it for an error, unless no request was on its way.
            assert!(matches!(status.code(), Some(0 | 1)), "{status}");
            abandoned = running(&database);
            continue;
        }
        in_order += 1;
        assert_eq!(status.code(), Some(0), "{status}");
        let left = running(&database);
        assert!(left.is_subset(&abandoned), "work is left running: {left:?}, {abandoned:?}");
    }
    let last = host.start().await;
    drained(&database).await;
    let ledger = load.stop().await;

    let final_state = FinalState::read(&database, &ledger);
    final_state.check(&["effects", "slow", "external"]);
    assert_eq!(final_state.discarded().len(), 0);
    let tally = ledger.tally();
    println!("{} deliveries, {skipped} stops skipped, {stops} in order, {tally:?}", final_state.deliveries.len());
    assert!(tally.acknowledged * 10 >= tally.posts * 3, "too few were acknowledged: {tally:?}");
    assert!(tally.refused.keys().all(|status| *status == 503), "{tally:?}");
    drop(last);
}

// Shows F07.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_answers_does_not_hold_up_the_end() {
    for _ in 0..rounds(1, 20) {
        let left = assert_the_next_host_does_what_hung_in("pending").await;

        assert_eq!(left, (State::Pending, 0), "what did not end is released and does not count");
    }
}

// Shows F07.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_keeps_its_thread_does_not_hold_up_the_end() {
    for _ in 0..rounds(1, 20) {
        let left = assert_the_next_host_does_what_hung_in("blocking").await;

        assert_eq!(left, (State::Running, 1), "what still ran keeps its lease: nobody else may run beside it");
    }
}

/// The state and the attempt that its work is left in.
async fn assert_the_next_host_does_what_hung_in(behaviour: &str) -> (State, i32) {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).setting("lease", 2);
    let hanging = host.clone().handlers(format!("effects:{behaviour}"));
    let ledger = Ledger::default();
    let mut process = hanging.start().await;
    process.acknowledges(&ledger, "r-1").await;
    found("the handler to hang", || database.journal_entries().first().map(drop)).await;

    let (status, took) = process.stop().await;
    let left = database.work()[0].clone();
    let mut next = host.start().await;
    let ready_since = std::time::Instant::now();
    drained(&database).await;
    let waited = ready_since.elapsed();

    assert_eq!(status.code(), Some(0), "{status}");
    assert!(took <= hanging.longest_stop(), "it took {took:?}");
    assert!(waited < Duration::from_secs(2 + 3), "the next host took it up after {waited:?}");
    FinalState::read(&database, &ledger).check(&["effects"]);
    assert_eq!(database.effects()[0].process, Some(next.id()));
    next.kill();
    (left.state, left.attempt)
}

/// A handler that hangs is released while another keeps its thread.
#[tokio::test(flavor = "multi_thread")]
async fn what_blocks_holds_up_the_release_of_nothing_else() {
    let database = Arc::new(Database::with_effects());
    let host = Process::builder(&database).setting("handler_concurrency", 1).handlers("blocked:blocking,hung:pending");
    let mut process = host.start().await;
    process.acknowledges(&Ledger::default(), "r-1").await;
    found("both to hang", || (database.journal_entries().len() == 2).then_some(())).await;

    let (status, took) = process.stop().await;
    let left: Vec<_> = database.work().into_iter().map(|work| (work.handler, work.state, work.attempt)).collect();

    assert_eq!(status.code(), Some(0), "{status}");
    assert!(took <= host.longest_stop(), "it took {took:?}");
    assert_eq!(left, [("blocked".to_owned(), State::Running, 1), ("hung".to_owned(), State::Pending, 0)]);
}

// Shows F08.
#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_many_times_a_host_stops_once_and_in_order() {
    for signals in [&[Signal::TERM; 5][..], &[Signal::INT; 2], &[Signal::INT, Signal::TERM, Signal::INT]] {
        for _ in 0..rounds(1, 20) {
            let database = Arc::new(Database::with_effects());
            let host = Process::builder(&database).handlers("effects:slow:300");
            let ledger = Ledger::default();
            let mut process = host.start().await;
            process.acknowledges(&ledger, "r-1").await;
            found("the handler to begin", || database.journal_entries().first().map(drop)).await;

            for signal in signals {
                process.signal(*signal);
            }
            let status = process.ended().await;

            assert_eq!(status.code(), Some(0), "{status}");
            FinalState::read(&database, &ledger).check(&["effects"]);
            assert_eq!(database.work()[0].state, State::Completed, "there was time to end it");
            assert_eq!(database.journal_entries().last().unwrap().kind, EntryKind::End);
        }
    }
}

/// Has something to write, and takes its turn to do so.
struct Writer;

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Writer {
    async fn interview_result(&self, _: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        cx.transaction().await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_starts_and_stops_in_one_process_leave_nothing_behind() {
    let database = Arc::new(Database::new());
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut alive = Vec::new();
    for round in 0..50 {
        let host = Host::builder().database(&database).handler(Writer).start().await;
        let answer = host.post("interview_result", &Body::result(&format!("r-{round}")).bytes()).await;
        let address = host.address;
        host.stop().await;

        assert_eq!(answer.status, 200);
        assert_eq!(running(&database).len(), 0);
        found("the files to be closed", || open_files(&database).is_empty().then_some(())).await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it still listens");
        alive.push(tasks());
    }

    assert_eq!(database.work().len(), 50);
    // Connections of the first rounds may take a moment to end; after that the number stays.
    let last = found("the tasks to end", || (tasks() <= alive[0]).then(tasks)).await;
    println!("tasks after each round: {alive:?}, in the end {last}");
}

/// The claims that are not settled.
fn running(database: &Database) -> BTreeSet<(i64, String, i64)> {
    let running = database.work().into_iter().filter(|work| work.state == State::Running);
    running.map(|work| (work.delivery_id, work.handler, work.epoch)).collect()
}

/// The files of a database that this process has open. Other tests open files too: theirs are not counted.
fn open_files(database: &Database) -> Vec<std::path::PathBuf> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(database.folder())).collect()
}
