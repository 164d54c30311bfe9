use mojito_schema::{Action, NewAudit, PauseKind, Timestamp};

use crate::harness::{Store, TestBackend, on_each_backend};

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
