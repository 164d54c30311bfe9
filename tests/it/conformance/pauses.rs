use std::time::Duration;

use mojito_schema::{Action, EventKind, NewAudit, PauseKind, Postgres, Timestamp};
use rocket_mojito::{Actor, Context, Event, HandlerResult, MojitoFairing, MojitoHandler};

use crate::harness::{Body, Store, TestBackend, TestServer, config, on_each_backend, until};

on_each_backend!(a_pause_tells_who_and_why_and_the_first_stands, a_resumption_ends_one_pause);

fn audit(actor: &str, action: Action) -> NewAudit {
    let target = r#"{"handler":"Desk"}"#.to_owned();
    NewAudit { actor: actor.to_owned(), action, target, reason: Some("the printer is empty".to_owned()) }
}

async fn pause<B: TestBackend>(store: &mut Store<B>, kind: PauseKind, actor: &str) -> bool {
    let audit = audit(actor, Action::Pause);
    B::pause(&mut store.connection, kind, "Desk".to_owned(), audit, Timestamp::now()).await.unwrap()
}

// Shows O04.
async fn a_pause_tells_who_and_why_and_the_first_stands<B: TestBackend>() {
    let mut store = Store::<B>::open().await;

    let first = pause(&mut store, PauseKind::Handler, "anna").await;
    let second = pause(&mut store, PauseKind::Handler, "berta").await;

    let paused = B::paused(&mut store.connection).await.unwrap();
    assert_eq!((first, second, paused.len()), (true, false, 1));
    assert_eq!((paused[0].kind, paused[0].name.as_str()), (PauseKind::Handler, "Desk"));
    assert_eq!((paused[0].actor.as_str(), paused[0].reason.as_deref()), ("anna", Some("the printer is empty")));
    let audit: Vec<_> = store.audit().await.into_iter().map(|row| (row.action, row.actor, row.affected)).collect();
    assert_eq!(audit, [(Action::Pause, "anna".to_owned(), 1), (Action::Pause, "berta".to_owned(), 0)]);
}

async fn a_resumption_ends_one_pause<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    pause(&mut store, PauseKind::Handler, "anna").await;
    pause(&mut store, PauseKind::Endpoint, "anna").await;
    let resume = async |store: &mut Store<B>| {
        let audit = audit("berta", Action::Resume);
        let name = "Desk".to_owned();
        B::resume(&mut store.connection, PauseKind::Handler, name, audit, Timestamp::now()).await.unwrap()
    };

    let (first, second) = (resume(&mut store).await, resume(&mut store).await);

    let paused = B::paused(&mut store.connection).await.unwrap();
    assert_eq!((first, second), (true, false));
    assert_eq!(paused.iter().map(|row| row.kind).collect::<Vec<_>>(), [PauseKind::Endpoint]);
    assert_eq!(store.audit().await.iter().map(|row| row.affected).collect::<Vec<_>>(), [1, 1, 1, 0]);
}

struct Desk;

#[rocket::async_trait]
impl MojitoHandler<Postgres> for Desk {
    fn name(&self) -> String {
        "Desk".to_owned()
    }

    async fn interview_result(&self, _: &Event, _: &mut Context<'_, Postgres>) -> HandlerResult {
        Ok(())
    }
}

// Shows M39.
/// A claim that began before the pause must not go on to claim what is recorded after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_waits_for_the_claim_that_has_not_seen_it() {
    let mut store = Store::<Postgres>::open().await;
    let host = TestServer::on(store.url(), MojitoFairing::<Postgres>::new(config()).handler(Desk)).await;
    let anna = || Actor::new("anna");
    host.inbox.pause_handler("Desk", anna()).await.unwrap();
    host.inbox.record_body("default", EventKind::InterviewResult, Body::result("r").bytes()).await.unwrap();
    let mut holder = store.another().await;
    Postgres::execute(&mut holder, "BEGIN; LOCK TABLE mojito_work IN SHARE MODE").await;
    host.inbox.resume_handler("Desk", anna()).await.unwrap();
    until("the claim waits", async || if does_claim_wait(&mut store).await { Ok(()) } else { Err(()) }).await;

    let inbox = host.inbox.clone();
    let pause = tokio::spawn(async move { inbox.pause_handler("Desk", Actor::new("anna")).await });
    until("the pause is in the table", async || {
        let paused = store.texts("SELECT name AS value FROM mojito_pauses").await;
        if paused.is_empty() { Err(()) } else { Ok(()) }
    })
    .await;
    // Nothing tells that a pause waits. One that does not would have returned by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let is_paused = pause.is_finished();
    // The claim gives up after a while.
    let is_too_early = is_paused && does_claim_wait(&mut store).await;
    Postgres::execute(&mut holder, "COMMIT").await;
    assert!(pause.await.unwrap().unwrap());

    assert!(!is_too_early && !does_claim_wait(&mut store).await);
    host.stop().await;
}

async fn does_claim_wait(store: &mut Store<Postgres>) -> bool {
    let waiting = "SELECT mode AS value FROM pg_locks WHERE NOT granted AND relation = 'mojito_work'::regclass";
    !store.texts(waiting).await.is_empty()
}
