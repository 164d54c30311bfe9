//! A quarantined delivery whose event an operator names, in a host on each database.

use mojito_schema::{Finding, FindingCode, Standing, State};
use rocket_mojito::{Actor, Context, Event, EventKind, HandlerResult, MojitoFairing, MojitoHandler, Replay, Selection};

use crate::harness::{Body, Store, TestBackend, TestServer, config, on_each_backend};

on_each_backend!(
    a_delivery_of_no_known_event_is_handled_as_what_it_is_named,
    a_body_that_is_not_usable_stays_in_quarantine_with_its_reason,
    an_event_that_is_known_is_not_named_otherwise,
);

/// Answers an error that tells the event, so that the work shows it.
struct Teller;

#[rocket::async_trait]
impl<B: TestBackend> MojitoHandler<B> for Teller {
    fn name(&self) -> String {
        "Teller".to_owned()
    }

    async fn interview_failed(&self, event: &Event, _: &mut Context<'_, B>) -> HandlerResult {
        let findings: Vec<&str> = event.findings().iter().map(|finding| finding.code.as_str()).collect();
        Err(rocket_mojito::HandlerError::discard(format!("{} {findings:?}", event.kind())))
    }
}

struct Desk<B: TestBackend> {
    store: Store<B>,
    host: TestServer,
}

impl<B: TestBackend> Desk<B> {
    /// With these bodies of no known event.
    async fn with(bodies: &[Vec<u8>]) -> Self {
        let store = Store::<B>::open().await;
        let host = TestServer::on(store.url(), MojitoFairing::<B>::new(config()).handler(Teller)).await;
        for body in bodies {
            host.inbox.record_body("default", EventKind::Unknown, body.clone()).await.unwrap();
        }
        Self { store, host }
    }

    /// Replays a selection as `interview_failed`.
    async fn name(&self, selection: Selection) -> Result<rocket_mojito::Replayed, rocket_mojito::Error> {
        let replay = Replay::new(selection).as_event(EventKind::InterviewFailed).per_second(1_000);
        self.host.inbox.replay(replay, Actor::new("anna")).await
    }
}

/// A body that says of no event that it is one.
fn untold(id: &str) -> Vec<u8> {
    Body::result(id).without("interview_status").bytes()
}

// Shows O18.
async fn a_delivery_of_no_known_event_is_handled_as_what_it_is_named<B: TestBackend>() {
    let mut desk = Desk::<B>::with(&[untold("r")]).await;

    let plain = desk.host.inbox.replay(Replay::new(Selection::all()), Actor::new("anna")).await.unwrap();
    let named = desk.name(Selection::all()).await.unwrap();

    let work = desk.store.wait_for_work("it is handled", |work| work[0].state == State::Discarded).await;
    let row = desk.store.newest_delivery().await;
    assert_eq!((plain.admitted, plain.still_quarantined), (0, 1));
    assert_eq!((named.admitted, named.still_quarantined, work.len()), (1, 0, 1));
    assert_eq!((row.event, row.standing, row.version), (EventKind::InterviewFailed, Standing::Current, Some(1)));
    let findings = &row.findings.0;
    assert!(findings.contains(&Finding::new(FindingCode::EventNamed)), "{findings:?}");
    assert!(!findings.contains(&Finding::new(FindingCode::UnknownEvent)), "{findings:?}");
    assert!(work[0].last_error.as_ref().unwrap().starts_with("interview_failed "), "{:?}", work[0].last_error);
    assert!(work[0].last_error.as_ref().unwrap().contains("event_named"), "{:?}", work[0].last_error);
    let target = &desk.store.audit().await[1].target;
    assert!(target.contains(r#""as_event":"interview_failed""#), "{target}");
    desk.host.stop().await;
}

async fn a_body_that_is_not_usable_stays_in_quarantine_with_its_reason<B: TestBackend>() {
    let mut desk = Desk::<B>::with(&[b"no JSON".to_vec(), Body::result("r").with("id", 7).bytes()]).await;

    let named = desk.name(Selection::all()).await.unwrap();

    let rows = desk.store.deliveries().await;
    assert_eq!((named.admitted, named.still_quarantined), (0, 2));
    let reasons: Vec<&[Finding]> = rows.iter().map(|row| &row.findings.0[..]).collect();
    assert_eq!(reasons[0], [Finding::new(FindingCode::NotJson)]);
    assert_eq!(reasons[1][0].code, FindingCode::BadId);
    assert!(rows.iter().all(|row| row.standing == Standing::Quarantined && row.event == EventKind::Unknown));
    desk.host.stop().await;
}

// Shows O18.
async fn an_event_that_is_known_is_not_named_otherwise<B: TestBackend>() {
    let mut desk = Desk::<B>::with(&[untold("r"), Body::result("s").bytes()]).await;
    // A version of the program that understood less has left it in quarantine.
    desk.host.inbox.record_body("default", EventKind::Unknown, Body::result("t").bytes()).await.unwrap();
    desk.store
        .run(
            "DELETE FROM mojito_work WHERE delivery_id = 3; DELETE FROM mojito_results WHERE id = 't';
             UPDATE mojito_deliveries SET event = 'unknown', standing = 'quarantined', version = NULL,
             first_delivery_id = NULL WHERE id = 3",
        )
        .await;

    let refused = desk.name(Selection::all()).await.unwrap_err();
    let unnamed = Replay::new(Selection::all()).as_event(EventKind::Unknown);
    let unnamed = desk.host.inbox.replay(unnamed, Actor::new("anna")).await.unwrap_err();
    let audit = desk.store.audit().await.len();
    let named = desk.name(Selection::all().event(EventKind::Unknown)).await.unwrap();

    assert!(refused.is_refused() && refused.to_string().contains("the delivery 2 is known"), "{refused}");
    assert!(unnamed.is_refused(), "{unnamed}");
    assert_eq!(
        (audit, named.admitted, named.still_quarantined),
        (0, 1, 1),
        "the body of the third tells another event"
    );
    desk.host.stop().await;
}
