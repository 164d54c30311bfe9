use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use mojito_schema::{
    AttemptOutcome, ClaimRequest, Content, EventKind, HandlerSpec, NewDelivery, NotCommitted, Operations, Person,
    Recording, Rehearsing, Selection, Settlement, Snapshot, Sqlite, StoredBody, StoredState, Timestamp, Versions,
    WorkQueue,
};
use rocket::{post, routes};
use rocket_mojito::internals::Understood;
use rocket_mojito::{
    Actor, Context, Erasure, Event, HandlerError, HandlerResult, MojitoConfig, MojitoEvent, MojitoHandler, Rehearsal,
    Rejection, SecretConfig,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::canary::{CANARY, body, shows};
use crate::checkout::Checkout;
use crate::harness::{AUTH, Host, Store, attach_all, deliveries, next};

/// The types of both crates whose values hold what somebody sent, or a secret: a test here shows each.
const TELLING: &[&str] = &[
    "Answer",
    "AttemptRow",
    "AuditRow",
    "Claim",
    "Claimed",
    "Content",
    "Context",
    "DeliveryRow",
    "EndpointConfig",
    "Erasure",
    "Error",
    "ErrorGroup",
    "ErrorGroups",
    "Event",
    "Extra",
    "HandlerError",
    "InterviewStatus",
    "Kept",
    "Listed",
    "Listing",
    "MigrationSource",
    "MojitoConfig",
    "MojitoEvent",
    "NewDelivery",
    "NotCommitted",
    "Number",
    "OwedHook",
    "Payload",
    "Person",
    "Preview",
    "ProcessingStatus",
    "Reasons",
    "Rehearsed",
    "RehearsedDelivery",
    "Rejection",
    "Requeued",
    "ResultRow",
    "ResultStatus",
    "SecretConfig",
    "Settlement",
    "StoredBody",
    "StoredState",
    "WorkRow",
];

/// Crates that are handed on whole, and a trait of Diesel's for a macro.
const FOREIGN: [&str; 4] = ["TableNotEqual", "diesel", "diesel_async", "mojito_schema as schema"];

/// Those that hold ids, codes, counts, times, names of settings, or nothing.
const MUTE: &[&str] = &[
    "Action",
    "ActionState",
    "Actor",
    "AttemptOutcome",
    "Backend",
    "Backlog",
    "Bodies",
    "Changes",
    "Check",
    "ClaimRequest",
    "Clock",
    "CopiedTable",
    "CopyError",
    "CopySource",
    "CopyTarget",
    "Discard",
    "Dismissal",
    "Difference",
    "Dismissed",
    "Drift",
    "DriftKind",
    "Elsewhere",
    "Encoding",
    "EndpointFacts",
    "EndpointState",
    "Erased",
    "ErasedRows",
    "EventKind",
    "Execution",
    "Expiry",
    "Facts",
    "Field",
    "FilesChanged",
    "Finding",
    "FindingCode",
    "Findings",
    "Fingerprint",
    "HandlerResult",
    "HandlerSpec",
    "HostMigrations",
    "Inbox",
    "InboxCopy",
    "KeptBecause",
    "KnownHandler",
    "Left",
    "Line",
    "MojitoFairing",
    "MojitoHandler",
    "Name",
    "NewAudit",
    "Notify",
    "Open",
    "OpenError",
    "OpenFiles",
    "Opening",
    "Operations",
    "Overview",
    "Page",
    "Pause",
    "PauseKind",
    "PauseRow",
    "Planned",
    "Postgres",
    "Presence",
    "Prunable",
    "PruneStep",
    "Pruned",
    "QueryResult",
    "Receipt",
    "Recorded",
    "Recording",
    "Rehearsal",
    "Rehearsing",
    "Replay",
    "Replayed",
    "Requeue",
    "Rescue",
    "RolledBack",
    "SecretState",
    "SecretUse",
    "Selected",
    "Selection",
    "Snapshot",
    "Sqlite",
    "Standing",
    "State",
    "Step",
    "Stopped",
    "TableChange",
    "TakenOver",
    "Testing",
    "Ticket",
    "Timestamp",
    "Trouble",
    "Undone",
    "Unrehearsed",
    "UtcTimestamp",
    "Verdict",
    "Versions",
    "Waiting",
    "WorkQueue",
    "attempts",
    "audit",
    "copy",
    "deliveries",
    "failpoint",
    "fault",
    "handlers",
    "is_conflict",
    "is_read_only",
    "is_unknown",
    "let_thread_block",
    "prune",
    "results",
    "trouble",
    "work",
];

/// A body with the canary in everything but its id: ids are no secrets.
fn told(id: &str) -> Vec<u8> {
    body("").with("id", id).bytes()
}

#[track_caller]
fn assert_mute(value: impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}").replace([' ', '\n'], "").replace(',', ", ")] {
        assert!(!shown.is_empty() && !shows(&shown), "{shown}");
    }
}

/// Shows everything that a handler is given.
struct Showing(UnboundedSender<Vec<String>>);

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Showing {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        let payload = event.payload();
        let shown = vec![
            format!("{event:?} {event:#?} {cx:?} {cx:#?}"),
            format!("{payload:?} {payload:#?} {:?}", event.previous()),
            format!("{:?} {:?} {:?}", payload.status, payload.interview_status, payload.processing_status),
            format!("{:?} {:?} {:?}", payload.extra, payload.score, payload.ai_analysis_recruiter_why_hire),
            format!("{:?}", payload.ai_analysis_recruiter_why_not_hire),
        ];
        self.0.send(shown).unwrap();
        // A version that was completed is the previous one of the next.
        if event.version() == Some(1) { Ok(()) } else { Err(HandlerError::discard(CANARY)) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_is_given_shows_nothing() {
    let (sender, mut shown) = unbounded_channel();
    let host = Host::builder().handler(Showing(sender)).start().await;

    host.post("interview_result", &told("r-1")).await;
    let first = next(&mut shown).await;
    host.post("interview_result", &body("").with("id", "r-1").with("score", 7).bytes()).await;
    let second = next(&mut shown).await;

    assert!(first.iter().chain(&second).all(|shown| !shows(shown)), "{first:#?} {second:#?}");
    assert!(second[1].contains("Some(Payload"), "there is a previous one: {second:#?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_what_is_on_its_way_to_them_show_nothing() {
    let mut store = Store::<Sqlite>::open().await;
    let handler = HandlerSpec {
        name: "Desk".to_owned(),
        takes_late: false,
        wants: Versions::Every,
        max_attempts: 9,
        has_erased_hook: false,
    };
    let deliveries: Vec<NewDelivery> =
        [told("r-1"), body("").with("id", "r-1").with("score", 7).bytes(), body("").with("id", "r-1").bytes()]
            .map(new)
            .into();
    assert_mute(&deliveries);
    assert_mute(Content::Unusable { result_id: Some(CANARY.to_owned()) });
    attach_all::<Sqlite>(&mut store.connection, &Arc::new(vec![handler])).await;
    Sqlite::record(&mut store.connection, Arc::new(deliveries), Timestamp::now()).await.unwrap();
    let error = || CANARY.to_owned();
    for settlement in [
        Settlement::Complete,
        Settlement::Retry { pause: Duration::ZERO, error: error(), outcome: AttemptOutcome::Failed },
        Settlement::Discard { error: error() },
    ] {
        let request = ClaimRequest::new("Desk", 9, Duration::from_secs(9));
        let claims = Sqlite::claim(&mut store.connection, request, Timestamp::now()).await.unwrap().claims;
        let [claim] = &claims[..] else { panic!("one at a time") };

        assert_mute(claim);
        assert_mute(&settlement);
        Sqlite::settle(&mut store.connection, claim.ticket.clone(), settlement, Timestamp::now()).await.unwrap();
    }
    let request = ClaimRequest::new("Desk", 9, Duration::from_secs(9));
    let claimed = Sqlite::claim(&mut store.connection, request, Timestamp::now()).await.unwrap();
    assert_mute(&claimed);
    let claims = claimed.claims;

    assert!(claims[0].former_body.is_some(), "the body of the version that was completed is there");
    assert_mute(&claims);
    let owed =
        Sqlite::take_hook(&mut store.connection, Arc::from("Desk"), Duration::ZERO, Timestamp::now()).await.unwrap();
    assert_eq!(owed.as_ref().map(|owed| owed.error.as_str()), Some(CANARY));
    assert_mute(owed);
    let listing = Sqlite::list(&mut store.connection, Selection::all(), i64::MAX, 9).await.unwrap();
    assert_eq!(listing.deliveries.len(), 3);
    assert_mute(listing);
    let errors = Sqlite::errors(&mut store.connection, Selection::all(), i64::MAX).await.unwrap();
    assert!(errors.groups.iter().any(|group| group.error == CANARY), "a small word without quotation marks stays");
    assert_mute(errors);
    let preview = Sqlite::preview(&mut store.connection, 2, "Desk".to_owned()).await.unwrap().unwrap();
    assert!(preview.claim.former_body.is_some());
    assert_mute(preview);
    assert_mute(store.deliveries().await);
    assert_mute(store.results().await);
    assert_mute(store.work().await);
    let attempts = Sqlite::attempts(&mut store.connection, claims[0].ticket.delivery_id - 1).await.unwrap();
    assert!(attempts.iter().any(|attempt| attempt.error.as_deref() == Some(CANARY)));
    assert_mute(attempts);
    assert!(store.work().await.iter().any(|work| work.last_error.as_deref() == Some(CANARY)));
}

fn new(body: Vec<u8>) -> NewDelivery {
    let understood = Understood::new(Some(EventKind::InterviewResult), &body);
    assert_mute(&understood.payload);
    let snapshot = Box::new(understood.snapshot().unwrap());
    assert_mute(&snapshot);
    let content = Content::Usable { result_id: understood.result_id.unwrap(), snapshot };
    let mut delivery = deliveries::delivery(EventKind::InterviewResult, body, content);
    delivery.findings = understood.findings;
    delivery
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_shows_nothing_of_an_error() {
    let (sender, _shown) = unbounded_channel();
    let host = Host::builder().config(|config| config.pause_handler("Showing")).handler(Showing(sender)).start().await;
    // The second version is answered with an error.
    host.post("interview_result", &told("r-1")).await;
    host.post("interview_result", &body("").with("id", "r-1").with("score", 7).bytes()).await;

    let rehearsal = Rehearsal::new(Selection::all(), "Showing");
    let rehearsed = host.inbox.rehearse(rehearsal, Actor::new("anna")).await.unwrap();

    assert_eq!(rehearsed.deliveries[1].answer.error(), Some(CANARY));
    assert_mute(rehearsed);
    host.stop().await;
}

#[post("/show/interview_result", data = "<event>")]
fn show(event: Result<MojitoEvent, Rejection>) -> String {
    format!("{event:?} {event:#?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_errors_and_settings_show_nothing() {
    let host = Host::builder().rocket(|rocket| rocket.mount("/", routes![show])).start().await;
    let headers: [&[(&str, &str)]; 3] = [&[AUTH], &[(AUTH.0, CANARY)], &[AUTH, ("Content-Type", "text/canary")]];
    for headers in headers {
        let shown = host.post_with("/show/interview_result", headers, &told("r-1")).await;
        assert!(shown.body.contains("MojitoEvent") || shown.body.contains("Err("), "{shown:?}");
        assert!(!shows(&shown.body), "{shown:?}");
    }
    let secret = SecretConfig::header("a", "X-Secret", format!("{CANARY}-0123456789abcdefg"));
    assert_mute(&secret);
    assert_mute(MojitoConfig::new().secret("default", secret));
    assert_mute(HandlerError::discard(CANARY));
    let told_by_the_database = || Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(CANARY.to_owned()));
    assert_mute([NotCommitted::Refused(told_by_the_database()), NotCommitted::Unknown(told_by_the_database())]);
    assert_mute([
        Person::ResultId(CANARY.to_owned()),
        Person::ProfileId(CANARY.to_owned()),
        Person::Email(CANARY.to_owned()),
    ]);
    assert_mute(Erasure::new(Person::Email(CANARY.to_owned())));
    host.stop().await;
}

#[test]
fn what_an_erasure_reads_is_not_shown() {
    let canary = || CANARY.to_owned();
    let mut snapshot = Snapshot::empty();
    snapshot.candidate_name = Some(canary());

    assert_mute(StoredBody {
        delivery_id: 1,
        endpoint: "default".to_owned(),
        result_id: Some(canary()),
        first_delivery_id: None,
        body: CANARY.as_bytes().to_vec(),
    });
    assert_mute(StoredState {
        delivery_id: 1,
        endpoint: "default".to_owned(),
        result_id: canary(),
        first_delivery_id: 1,
        snapshot,
    });
}

// Shows F96.
#[test]
fn every_type_that_is_exported_is_told_apart() {
    let mut exported = BTreeSet::new();
    for file in ["diesel-schema/src/lib.rs", "rocket-mojito/src/lib.rs"] {
        let text = Checkout::read(file);
        for statement in text.split("\npub use ").skip(1) {
            let statement = statement.split(';').next().unwrap();
            let names = statement.rsplit("::").next().unwrap().trim_matches(['{', '}', '\n', ' ']);
            exported.extend(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
            exported.retain(|name| !FOREIGN.contains(&name.as_str()));
        }
    }

    let known: BTreeSet<String> = TELLING.iter().chain(MUTE).map(|name| (*name).to_owned()).collect();

    assert_eq!(exported, known);
}
