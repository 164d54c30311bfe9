use rocket_mojito::{Erasure, Person};

use super::{ErasureFixture, anna};
use crate::harness::{Body, TestBackend, on_each_backend};

on_each_backend!(a_person_without_a_value_is_refused, more_than_twenty_results_want_to_be_confirmed);

async fn a_person_without_a_value_is_refused<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    let one =
        fixture.post(Body::result("r").with("candidate_external_id", "").with("candidate_email", " ").bytes()).await;
    let two = fixture.post("not json").await;
    let blank = |text: &str| {
        let text = || text.to_owned();
        [
            Person::ResultId(text()),
            Person::ProfileId(text()),
            Person::ProfileInterviewId(text()),
            Person::ExternalId(text()),
            Person::Email(text()),
        ]
    };

    let nobody = ["", " ", "\t\u{a0}\n"].into_iter().flat_map(blank).chain([Person::Email("json".to_owned())]);

    for person in nobody {
        let refused = fixture.inbox().erase(person.clone(), anna()).await.unwrap_err();
        let uncounted = fixture.inbox().count_erasure(&person).await.unwrap_err();
        assert!(refused.is_refused() && uncounted.is_refused() && !refused.is_unavailable(), "{person:?}: {refused}");
    }
    assert_eq!(fixture.with_body().await, [one, two]);
    assert!(fixture.store.audit().await.is_empty());
    fixture.server.stop().await;
}

async fn more_than_twenty_results_want_to_be_confirmed<B: TestBackend>() {
    let mut fixture = ErasureFixture::<B>::open(|fairing| fairing).await;
    let shared = |result: &str, id: &str| Body::result(result).with("candidate_external_id", id).bytes();
    for result in 0..21 {
        fixture.post(shared(&format!("many-{result}"), "n/a")).await;
    }
    for result in 0..20 {
        fixture.post(shared(&format!("few-{result}"), "few")).await;
    }
    let (many, few) = (Person::ExternalId("n/a".to_owned()), Person::ExternalId("few".to_owned()));

    let counted = fixture.inbox().count_erasure(&many).await.unwrap();
    let unconfirmed = fixture.inbox().erase(many.clone(), anna()).await.unwrap_err();
    let miscounted = fixture.inbox().erase(Erasure::new(many.clone()).confirm(20), anna()).await.unwrap_err();
    let untouched = fixture.with_body().await.len();
    let of_few = fixture.inbox().erase(few, anna()).await.unwrap();
    let of_many = fixture.inbox().erase(Erasure::new(many).confirm(counted.results), anna()).await.unwrap();

    assert_eq!(counted.results, 21);
    assert!(unconfirmed.is_refused() && unconfirmed.to_string().contains("confirm(21)"), "{unconfirmed}");
    assert!(miscounted.is_refused() && miscounted.to_string().starts_with("21 results"), "{miscounted}");
    assert_eq!((untouched, of_few.results, of_many.results), (41, 20, 21));
    assert_eq!(fixture.store.audit().await.len(), 2, "what is refused is no action");
    fixture.server.stop().await;
}
