//! Processes that tell each other of work: that it is heard, and that nothing rests on it.

use std::time::{Duration, Instant};

use mojito_schema::Postgres;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Body, Example, Process, Store, until};

/// With this between two looks, work that nobody is told of is a test that gives up.
const NEVER: &str = "poll_interval=3600";

/// The sessions that processes of the example tell and hear on.
const WIRES: &str = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mojito' \
                     AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%') AND pid <> pg_backend_pid()";

/// A database with one process that records and handles nothing, and one that handles; both look for work this often.
struct RecorderAndWorker {
    recording: Process,
    handling: Process,
    store: Store<Postgres>,
    /// The session of the server that the handling process hears on.
    heard_by: i32,
    // Its folder holds what the processes say.
    _example: Example,
    posted: usize,
}

impl RecorderAndWorker {
    async fn start(look: &str) -> Self {
        let mut store = Store::<Postgres>::open().await;
        let example = Example::on::<Postgres>(store.url());
        let mut handling = example.spawn(&[("ROCKET_MOJITO", &format!("{{{look}}}"))]);
        handling.ready().await.expect("it listens");
        let heard_by = found(&mut store, &format!("SELECT CAST(pid AS TEXT) AS value {WIRES}")).await;
        let paused = format!("{{{look},paused_handlers=[\"HiringDesk\"]}}");
        let mut recording = example.spawn(&[("ROCKET_MOJITO", &paused)]);
        recording.ready().await.expect("it listens");
        Self { store, recording, handling, heard_by: heard_by.parse().unwrap(), _example: example, posted: 0 }
    }

    /// Posts to the one that does not handle.
    async fn post(&mut self) {
        self.posted += 1;
        let body = Body::result(&self.posted.to_string()).bytes();
        // A sender tries again where the connection of the recorder was lost.
        while self.recording.post("interview_result", &body).await.expect("an answer").status == 503 {}
    }

    /// Waits until all is handled. How long it took.
    async fn handled(&mut self) -> Duration {
        let began = Instant::now();
        self.store.drained().await;
        assert_eq!(self.store.work().await.len(), self.posted);
        assert!(!self.handling.has_ended());
        began.elapsed()
    }

    /// Ends sessions of the server, as its restart would.
    async fn terminate(&mut self, sessions: &str) -> usize {
        let ended = format!("SELECT CAST(pg_terminate_backend(pid) AS TEXT) AS value {sessions}");
        self.store.texts(&ended).await.len()
    }
}

/// The first row that a query with one column of text finds.
async fn found(store: &mut Store<Postgres>, query: &str) -> String {
    until(&format!("something is found by {query}"), async || store.texts(query).await.pop().ok_or(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_records_another_handles_at_once() {
    let mut pair = RecorderAndWorker::start(NEVER).await;
    let mut took = Vec::new();

    for _ in 0..50 {
        pair.post().await;
        took.push(pair.handled().await);
    }

    took.sort_unstable();
    println!(
        "from the answer to the end of the attempt, in another process: median {:?}, longest {:?}",
        took[25], took[49]
    );
}

// Shows F53.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_while_nobody_could_hear_is_found_when_they_can_again() {
    let mut pair = RecorderAndWorker::start(NEVER).await;

    for _ in 0..5 {
        // Work may have been found before everybody listens again.
        let terminated = async || if pair.terminate(WIRES).await > 0 { Ok(()) } else { Err(()) };
        until("somebody listens again", terminated).await;
        pair.post().await;
        pair.handled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_every_session_is_listened_to_again() {
    let mut pair = RecorderAndWorker::start(NEVER).await;
    pair.post().await;
    pair.handled().await;

    pair.terminate("FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").await;
    for _ in 0..3 {
        pair.post().await;
        pair.handled().await;
    }
}

// Shows F26.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_gone_silent_is_given_up_within_half_a_minute() {
    let mut pair = RecorderAndWorker::start(NEVER).await;
    let session = Pid::from_raw(pair.heard_by).unwrap();
    kill_process(session, Signal::STOP).expect("the server is this machine's, and so is its session");

    pair.post().await;
    let took = pair.handled().await;

    kill_process(session, Signal::CONT).unwrap();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

// Shows F53.
#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_tell_work_is_found_by_looking() {
    let mut pair = RecorderAndWorker::start("poll_interval=1").await;

    for _ in 0..10 {
        // A process that opens a session for it loses it.
        pair.terminate(WIRES).await;
        pair.post().await;
        let took = pair.handled().await;
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}
