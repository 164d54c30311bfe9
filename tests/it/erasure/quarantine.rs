use rocket_mojito::{Person, Replay, Selection, Standing};

use super::{ErasureFixture, anna};
use crate::harness::{Body, Store, TestBackend, on_each_backend};

on_each_backend!(
    what_waits_in_quarantine_goes_with_its_result,
    what_is_admitted_onto_a_tombstone_is_not_kept_and_counts_as_nothing,
);

async fn what_waits_in_quarantine_goes_with_its_result<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    fixture.post(Body::result("r").with("candidate_email", "ann@example.com").bytes()).await;
    // None of them holds the address.
    fixture.post(r#"{"id":"r","status":"active","candidate_name":"Ann","candidate_name":"Ann"}"#).await;
    fixture.post(r#"{"id":"x","id":"r","candidate_name":"Ann"}"#).await;
    fixture.post(r#"{"id":"r","candidate_name":"Ann Exam"#).await;
    let other = fixture.post(r#"{"id":"r2","candidate_name":"Ann Exam"#).await;

    let ann = Person::Email("ann@example.com".to_owned());
    let counted = fixture.inbox().count_erasure(&ann).await.unwrap();
    let erased = fixture.inbox().erase(ann, anna()).await.unwrap();

    assert_eq!((erased.results, erased.bodies, erased.elsewhere.count), (1, 4, 0));
    assert_eq!(counted, erased);
    assert_eq!(fixture.with_body().await, [other]);
    fixture.server.stop().await;
}

/// Puts a body in the place of one that nobody understands, as if this program could read it at last.
async fn learn<B: TestBackend>(store: &mut Store<B>, delivery: i64, body: &Body) {
    let hex: String = body.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match B::NAME {
        "SQLite" => format!("x'{hex}'"),
        _ => format!("'\\x{hex}'::bytea"),
    };
    store.run(&format!("UPDATE mojito_deliveries SET body = {bytes} WHERE id = {delivery}")).await;
}

// Shows F72.
async fn what_is_admitted_onto_a_tombstone_is_not_kept_and_counts_as_nothing<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    fixture.post(Body::result("r").bytes()).await;
    let waiting = fixture.post("not json").await;
    fixture.inbox().erase(Person::ResultId("r".to_owned()), anna()).await.unwrap();
    learn(&mut fixture.store, waiting, &Body::result("r").with("candidate_name", "Ann")).await;

    let mut admitted = Vec::new();
    for _ in 0..2 {
        let quarantined = Selection::all().standing(Standing::Quarantined);
        admitted.push(fixture.inbox().replay(Replay::new(quarantined), anna()).await.unwrap().admitted);
    }

    assert_eq!(admitted, [0, 0]);
    assert_eq!(fixture.with_body().await, Vec::<i64>::new());
    assert_eq!(fixture.store.deliveries().await[0].repeat_count, 0, "nothing came");
    fixture.server.stop().await;
}
