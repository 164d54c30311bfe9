//! A host without a subscriber, in a debug and in a release build. Rocket's own logger prints all that needs a person,
//! and nothing of a candidate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use crate::checkout::Checkout;
use crate::harness::{BASE, Body, Database, Host, Process, Program, ScriptedAction, ScriptedHandler, eventually, post};

/// It stands in every body, in every secret that is wrong, and in what handlers, triggers and panics say.
const CANARY: &str = "canary";

/// Every kind of line that a person is to act on, as Rocket prints it.
const LINES: [&str; 14] = [
    "Warning: something waits for you",
    "Warning: work waits for a handler that is not attached",
    "Warning: a line has waited for an hour",
    "Warning: nothing was received",
    "Warning: a delivery was refused",
    "Warning: a delivery was quarantined",
    "handler=\"failing\" outcome=\"failed\"",
    "handler=\"panicking\" outcome=\"panicked\"",
    "handler=\"hanging\" outcome=\"timed_out\"",
    "handler=\"refusing\" outcome=\"discarded\"",
    "Warning: an attempt failed",
    "Error: work was discarded",
    "Error: a batch was not recorded",
    "Warning: recovered: deliveries are recorded again",
];

/// A database in which former processes have left something for everybody.
async fn left_behind() -> Arc<Database> {
    let database = Arc::new(Database::with_effects());
    let (gone, _seen) = ScriptedHandler::named("gone", |_, _| ScriptedAction::Fail(CANARY));
    let (failing, _seen_too) = ScriptedHandler::named("failing", |_, _| ScriptedAction::Fail(CANARY));
    let former = Host::builder().database(&database).handler(gone).handler(failing).start().await;
    former.post("interview_result", &Body::result("r").bytes()).await;
    eventually("both have tried", || database.work().iter().all(|work| work.last_error.is_some())).await;
    former.post("interview_result", &Body::result("r").with("score", 5).bytes()).await;
    former.stop().await;
    database.run(
        "UPDATE mojito_handlers SET last_seen = '2001-01-01 00:00:00.000000'; \
         UPDATE mojito_deliveries SET received_at = '2001-01-01 00:00:00.000000'",
    );
    database
}

/// The log of a host of a build once it has stopped, at a level of Rocket's, or at that of its build.
async fn said(program: &Path, level: Option<&'static str>) -> String {
    let database = left_behind().await;
    let host = Process::builder(&database)
        .program(program)
        .handlers("failing:fail,panicking:panic,hanging:pending,refusing:refuse")
        .setting("handler_timeout", 1)
        .setting("silence_alert", 48)
        .variable("FAULT_PANICS", b"place")
        .log_level(level);
    let mut host = host.start().await;
    eventually(LINES[3], || host.log().contains(LINES[3])).await;

    let poison = Body::result(&format!("poison-{CANARY}")).with("candidate_name", CANARY).bytes();
    host.post("interview_result", &poison).await.unwrap();
    host.post("interview_result", CANARY.as_bytes()).await.unwrap();
    let address = host.ready().await.unwrap();
    let stranger = post(address, &format!("{BASE}/interview_result"), &[("X-Mojito-Secret", CANARY)], &poison).await;
    database.run("CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries BEGIN SELECT RAISE(ABORT, 'canary'); END");
    let refused = host.post("interview_result", &Body::result("r-2").bytes()).await.unwrap();
    database.run("DROP TRIGGER refuse");
    let taken = host.post("interview_result", &Body::result("r-2").bytes()).await.unwrap();
    for line in LINES {
        eventually(line, || holds(&host.log(), line)).await;
    }

    assert_eq!((stranger.status, refused.status, taken.status), (401, 503, 200));
    let errors: Vec<String> = database.work().into_iter().filter_map(|work| work.last_error).collect();
    assert!(errors.iter().any(|error| error.contains(CANARY)), "it is for the operator to read: {errors:?}");
    host.stop().await;
    host.log()
}

/// Whether a line of the log has all of these words, which may have others in between.
fn holds(log: &str, words: &str) -> bool {
    match words.split_once("\" ") {
        Some((first, second)) => log.lines().any(|line| line.contains(first) && line.contains(second)),
        None => log.contains(words),
    }
}

fn debug_build() -> PathBuf {
    env!("CARGO_BIN_EXE_fault-host").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debug_build_says_everything_and_quotes_nobody() {
    for level in [None, Some("critical")] {
        let log = said(&debug_build(), level).await;

        assert!(!log.contains(CANARY), "{log}");
        assert!(
            log.lines().any(|line| line.starts_with("a panic at ") && line.contains("fault-host/behaviour.rs:")),
            "{log}"
        );
    }
}

// Shows F96.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_build_says_everything_and_quotes_nobody() {
    for level in [None, Some("normal")] {
        let log = said(&Program::RELEASED_HOST.path(), level).await;

        assert!(!log.contains(CANARY), "{log}");
        assert_eq!(log.contains("Matched: (interview_result)"), level.is_some(), "Rocket is silent by default");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_panic_hook_alone_quotes_whom_a_panic_is_about() {
    let database = Arc::new(Database::with_effects());
    let mut host = Process::builder(&database).handlers("panicking:panic").log_level("critical").start().await;

    host.post("interview_result", &Body::result(&format!("poison-{CANARY}")).bytes()).await.unwrap();

    eventually("it is said", || host.log().contains("outcome=\"panicked\"")).await;
    let log = host.log();
    let quoting: Vec<&str> = log.lines().filter(|line| line.contains(CANARY)).collect();
    assert_eq!(quoting, [format!("poison-{CANARY}")], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_build_that_prints_headers_says_so_at_launch() {
    const WARNING: &str = "Warning: at log level `debug` Rocket prints every request header, secrets included";
    let released = Program::RELEASED_HOST.path();

    for (program, level, is_said) in
        [(&released, "debug", true), (&released, "normal", false), (&debug_build(), "debug", false)]
    {
        let database = Arc::new(Database::with_effects());
        let mut host = Process::builder(&database).program(program).log_level(level).start().await;
        host.stop().await;

        assert_eq!(host.log().contains(WARNING), is_said, "{level}: {}", host.log());
    }
}

/// Short names may be compared without being stored. That of the variable is handed to the system, so it is stored.
#[test]
fn a_release_build_of_the_example_holds_no_fail_point() {
    const VARIABLE: &[u8] = b"MOJITO_FAILPOINT";
    let holds = |program: &Path, text: &[u8]| memmem::find(&std::fs::read(program).unwrap(), text).is_some();
    let example = Program::RELEASED_EXAMPLE.path();

    assert!(Checkout::read("diesel-schema/src/engine/failpoint.rs").contains("MOJITO_FAILPOINT"));
    assert!(holds(&debug_build(), VARIABLE), "who has them has its name");
    assert!(holds(&example, b"MOJITO_SECRET"), "a release build keeps such names");
    assert!(!holds(&example, VARIABLE));
    for point in ["ingress.read", "record.committed", "attempt.committed", "hook.called"] {
        assert!(holds(&debug_build(), point.as_bytes()) && !holds(&example, point.as_bytes()), "{point}");
    }
}
