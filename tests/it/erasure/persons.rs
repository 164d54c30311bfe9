use rocket_mojito::{Elsewhere, Person};

use super::{ErasureFixture, anna};
use crate::harness::{Body, TestBackend, on_each_backend};

on_each_backend!(
    a_person_is_erased_by_their_address_wherever_it_stands_and_nobody_else_is,
    a_person_is_erased_by_an_id_in_its_field_and_nobody_else_is,
    a_result_is_erased_by_its_own_id_alone,
    a_person_is_found_where_bodies_are_pruned,
);

/// The deliveries that still have a body, and the receipt's `elsewhere`, after an erasure.
async fn erase<B: TestBackend>(fixture: &mut ErasureFixture<B>, person: Person) -> (Vec<i64>, Elsewhere) {
    let counted = fixture.inbox().count_erasure(&person).await.unwrap();
    let erased = fixture.inbox().erase(person, anna()).await.unwrap();
    assert_eq!(counted, erased, "what is counted first is what is erased");
    (fixture.with_body().await, erased.elsewhere)
}

async fn post_all<B: TestBackend>(fixture: &ErasureFixture<B>, bodies: &[Vec<u8>]) -> Vec<i64> {
    let mut ids = Vec::new();
    for body in bodies {
        ids.push(fixture.post(body).await);
    }
    ids
}

// Shows M30.
async fn a_person_is_erased_by_their_address_wherever_it_stands_and_nobody_else_is<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    let of = |id: &str, mail: &str| Body::result(id).with("candidate_email", mail);
    let text = |text: &str| text.as_bytes().to_vec();
    let gone = [
        of("a", "ann@example.com").bytes(),
        of("b", " ANN@Example.com\u{a0}").bytes(),
        of("c", "bob@example.com").with("contact_email", "ann@example.com").bytes(),
        of("d", "bob@example.com").with("contacts", vec![vec!["Ann@example.com"]]).bytes(),
        text("\u{feff}{\"id\":\"e\",\"candidate_email\":\"ANN@example.com\"}"),
        text("\u{feff}{\"id\":\"f\",\"candidate_email\":\"ann\\u0040example.com\"}"),
        text(r#"{"id":"g","status":"active","candidate_email":"ann@example.com","candidate_email":"bob@example.com"}"#),
        text(r#"{"id":"h","candidate_email":"ANN@example.com","candidate_name":"An"#),
        text(r#"["mail",{"of":"ann@example.com"}]"#),
        text("From: Ann <Ann@Example.com>"),
    ];
    let told = [
        of("k", "bob@example.com").with("ai_analysis", "told us of ann@example.com").bytes(),
        of("l", "jo-ann@example.com").bytes(),
        text("mail jo-ann@example.com"),
    ];
    let others = [of("m", "bob@example.com").bytes(), text("not json"), text(r#"{"candidate_email":"#)];
    post_all(&fixture, &gone).await;
    let told = post_all(&fixture, &told).await;
    let others = post_all(&fixture, &others).await;

    let (left, elsewhere) = erase(&mut fixture, Person::Email("ann@example.com ".to_owned())).await;

    assert_eq!(left, [told.clone(), others].concat());
    assert_eq!((elsewhere.count, elsewhere.deliveries), (3, told));
    fixture.server.stop().await;
}

// Shows M30.
async fn a_person_is_erased_by_an_id_in_its_field_and_nobody_else_is<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    let of = |id: &str, external: &str| Body::result(id).with("candidate_external_id", external);
    let text = |text: &str| text.as_bytes().to_vec();
    let gone = [
        of("a", "42").bytes(),
        of("b", " 42 ").bytes(),
        of("c", "7").with("candidate_external_id", 42).bytes(),
        of("d", "7").with("candidate", serde_json::json!([{ "candidate_external_id": 42 }])).bytes(),
        text(r#"{"id":"e","status":"active","candidate_external_id":"42","candidate_external_id":"7"}"#),
        text(r#"{"id":"f","candidate_external_id":"42","candidate_name":"An"#),
    ];
    let told =
        [of("g", "7").with("score", 42).bytes(), of("h", "7").with("profile_id", "42").bytes(), text("score 42")];
    let others = [of("i", "1423").bytes(), of("j", "7").with("score", 4.42).bytes(), text("1423"), text("\"\"")];
    post_all(&fixture, &gone).await;
    let told = post_all(&fixture, &told).await;
    let others = post_all(&fixture, &others).await;

    let (left, elsewhere) = erase(&mut fixture, Person::ExternalId("42".to_owned())).await;

    assert_eq!(left, [told.clone(), others].concat());
    assert_eq!((elsewhere.count, elsewhere.deliveries), (3, told));
    fixture.server.stop().await;
}

async fn a_result_is_erased_by_its_own_id_alone<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    let of = |id: &str| Body::result(id).with("candidate_external_id", "7");
    fixture.post(of("42").bytes()).await;
    fixture.post(r#"{"id":42,"status":"active"}"#).await;
    fixture.post(r#"{"id":"7","id":"42","status":"active"}"#).await;
    let told = fixture.post(of("7").with("job", serde_json::json!({ "id": "42" })).bytes()).await;
    let other = fixture.post(of("421").bytes()).await;

    let (left, elsewhere) = erase(&mut fixture, Person::ResultId("42".to_owned())).await;

    assert_eq!((left, elsewhere.deliveries), (vec![told, other], vec![told]));
    fixture.server.stop().await;
}

async fn a_person_is_found_where_bodies_are_pruned<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    let of = |id: &str, mail: &str| Body::result(id).with("candidate_email", mail);
    fixture.post(of("known", "ÄNN@example.com").bytes()).await;
    fixture.post(of("unknown", "bob@example.com").with("contact_email", "änn@Example.com").bytes()).await;
    fixture.post(of("other", "bob@example.com").bytes()).await;
    fixture.store.run("UPDATE mojito_deliveries SET body = NULL").await;

    let erased = fixture.inbox().erase(Person::Email("änn@example.com".to_owned()), anna()).await.unwrap();

    let results = fixture.store.results().await;
    let left: Vec<&str> = results.iter().filter(|row| row.erased_at.is_none()).map(|row| &*row.id).collect();
    assert_eq!((erased.results, erased.bodies, left), (2, 0, vec!["other"]));
    fixture.server.stop().await;
}
