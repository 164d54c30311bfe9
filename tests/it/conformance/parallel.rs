use std::sync::Arc;

use mojito_schema::{EventKind, NewDelivery, Standing};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{garbled, handler, record, result, said};
use crate::harness::{Store, TestBackend, on_each_backend, record_all, rounds, seed};

const PROCESSES: usize = 4;

on_each_backend!(
    processes_that_record_the_same_results_at_once_keep_every_promise,
    copies_that_come_to_every_process_at_once_are_one_delivery,
);

/// The batches that one process records: about the same few results as the others', in an order of its own.
fn batches(random: &mut fastrand::Rng, deliveries: usize) -> Vec<Vec<NewDelivery>> {
    let mut batches = Vec::new();
    let mut left = deliveries;
    while left > 0 {
        let size = random.usize(1..=64).min(left);
        let one = |random: &mut fastrand::Rng| {
            let (id, text) = (format!("r-{}", random.u8(..50)), random.u8(..6).to_string());
            match random.u8(..20) {
                0 => garbled(&text),
                1..4 => said(EventKind::InterviewCollected, &id, &text),
                _ => result(&id, &text),
            }
        };
        batches.push((0..size).map(|_| one(random)).collect());
        left -= size;
    }
    batches
}

async fn processes_that_record_the_same_results_at_once_keep_every_promise<B: TestBackend>() {
    let each = rounds(500, 5_000) as usize;
    let mut random = fastrand::Rng::with_seed(seed());
    let mut store = Store::<B>::open().await;
    // Half of the results are there already, half are new to all at once.
    record(&mut store, (0..25).map(|n| result(&format!("r-{n}"), "old")).collect()).await;
    let mut processes = JoinSet::new();

    for _ in 0..PROCESSES {
        let mut connection = store.another().await;
        let batches = batches(&mut random, each);
        processes.spawn(async move {
            let mut recorded = Vec::new();
            for batch in batches {
                let handlers = Arc::new(vec![handler("Desk")]);
                let outcome = record_all::<B>(&mut connection, batch, handlers).await;
                recorded.extend(outcome.expect("no error reaches the caller"));
            }
            recorded
        });
    }
    let recorded = processes.join_all().await.concat();

    let rows = store.deliveries().await;
    let repeats: i64 = rows.iter().map(|row| row.repeat_count).sum();
    assert_eq!(recorded.len(), PROCESSES * each);
    assert_eq!(rows.len() - 25 + usize::try_from(repeats).unwrap(), recorded.len(), "each is stored or counted");
    for state in store.results().await {
        let of_result: Vec<_> = rows.iter().filter(|row| row.result_id.as_ref() == Some(&state.id)).collect();
        let versions: Vec<i64> = of_result.iter().filter_map(|row| row.version).collect();
        let newest = of_result.iter().filter(|row| row.standing == Standing::Current).map(|row| row.id).max();
        let newest_late = of_result.iter().filter(|row| row.standing == Standing::Late).map(|row| row.id).max();
        assert_eq!(versions, (1..=state.version).collect::<Vec<_>>(), "ids rise with versions, without a gap");
        assert_eq!((Some(state.delivery_id), state.late_delivery_id), (newest, newest_late));
    }
    let quarantined = rows.iter().filter(|row| row.standing == Standing::Quarantined).count();
    assert!(quarantined <= 6, "{quarantined} rows for 6 bodies that nobody understands");
}

async fn copies_that_come_to_every_process_at_once_are_one_delivery<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let barrier = Arc::new(Barrier::new(PROCESSES));

    for round in 0..20 {
        let mut processes = JoinSet::new();
        for _ in 0..PROCESSES {
            let (mut connection, barrier) = (store.another().await, Arc::clone(&barrier));
            processes.spawn(async move {
                for copy in [garbled(&format!("? {round}")), result(&format!("r-{round}"), "a")] {
                    barrier.wait().await;
                    record_all::<B>(&mut connection, vec![copy], Arc::default()).await.unwrap();
                }
            });
        }
        processes.join_all().await;

        let rows = store.deliveries().await;
        let mut newest: Vec<_> = rows.iter().skip(2 * round).map(|row| (row.standing, row.repeat_count)).collect();
        newest.sort_unstable_by_key(|(standing, _)| standing.as_str());
        assert_eq!(newest, [(Standing::Current, 3), (Standing::Quarantined, 3)]);
    }
}
