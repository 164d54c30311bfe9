use mojito_schema::{Bodies, EventKind};
use rocket_mojito::Person;

use super::{ErasureFixture, anna};
use crate::conformance::record;
use crate::harness::deliveries::{garbled, said};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(an_erasure_goes_on_behind_its_first_step, a_step_is_bounded_by_bytes,);

async fn an_erasure_goes_on_behind_its_first_step<B: TestBackend>() {
    const STRANGERS: usize = 1_200;
    let mut store = Store::<B>::open().await;
    let strangers = (0..STRANGERS).map(|n| garbled(&format!("bob-{n}@example.com"))).collect();
    record(&mut store, vec![said(EventKind::InterviewResult, "first", "")]).await;
    record(&mut store, strangers).await;
    let persons = (0..STRANGERS).map(|n| garbled(&format!("{n}: ann@example.com"))).collect();
    record(&mut store, persons).await;
    let mut fixture = ErasureFixture::<B>::over(store, |fairing| fairing).await;

    let erased = fixture.inbox().erase(Person::Email("ann@example.com".to_owned()), anna()).await.unwrap();

    assert_eq!(erased.bodies, STRANGERS as u64);
    assert_eq!(fixture.with_body().await.len(), STRANGERS + 1);
    fixture.server.stop().await;
}

// Shows M13.
async fn a_step_is_bounded_by_bytes<B: TestBackend>() {
    const KIBIBYTE: usize = 1 << 10;
    let mut store = Store::<B>::open().await;
    let lengths = [40, 40, 300, 1, 1, 1].map(|kibibytes| kibibytes * KIBIBYTE);
    let batch = lengths.iter().enumerate().map(|(n, length)| garbled(&format!("{n}{}", "x".repeat(*length))));
    record(&mut store, batch.collect()).await;

    let (mut steps, mut after_id) = (Vec::new(), 0);
    loop {
        let step = B::bodies(&mut store.connection, Bodies::All, after_id, 100 * KIBIBYTE as i64).await.unwrap();
        let Some(last) = step.last() else { break };
        after_id = last.delivery_id;
        steps.push(step.len());
    }

    assert_eq!(steps, [2, 1, 3], "what is too large for a step is one by itself");
    let first = store.deliveries().await.remove(0);
    B::erase_body(&mut store.connection, first.id).await.unwrap();
    let rest = B::bodies(&mut store.connection, Bodies::Quarantined, 0, 1).await.unwrap();
    assert_eq!(rest.iter().map(|body| body.delivery_id).collect::<Vec<_>>(), [first.id + 1]);
}
