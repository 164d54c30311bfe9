use std::sync::Arc;

use mojito_schema::{Content, EventKind, Field, Finding, FindingCode, NewDelivery, Recorded, Snapshot, Standing};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::fuzz::oracle::{Expected, Oracle, Sent};
use crate::harness::{Store, TestBackend, deliveries, on_each_backend, record_all, rounds, seed};

/// A store whose histories are compared with the oracle.
struct Checked<B: TestBackend> {
    store: Store<B>,
    histories: u64,
}

impl<B: TestBackend> Checked<B> {
    async fn open() -> Self {
        Self { store: Store::open().await, histories: 0 }
    }

    /// Records a history for a result of its own, cut into batches, and compares everything with the oracle.
    async fn check(&mut self, history: &[Sent], batch_size: usize) {
        self.histories += 1;
        let result = format!("result-{}", self.histories);
        let deliveries: Vec<NewDelivery> = history.iter().map(|sent| delivery(&result, *sent)).collect();
        let mut recorded = Vec::new();
        for batch in deliveries.chunks(batch_size) {
            let outcome = record_all::<B>(&mut self.store.connection, batch.to_vec(), Arc::default()).await;
            recorded.extend(outcome.unwrap());
        }
        self.compare(&result, history, &recorded).await;
    }

    async fn compare(&mut self, result: &str, history: &[Sent], recorded: &[Recorded]) {
        let mut oracle = Oracle::default();
        let expected: Vec<Expected> = history.iter().map(|sent| oracle.expect(*sent)).collect();
        let rows = self.store.deliveries_of(result).await;
        let stored = expected.iter().filter(|expected| expected.standing != Standing::Repeat).count();
        assert_eq!(rows.len(), stored, "{history:?}");
        for ((sent, expected), recorded) in history.iter().zip(&expected).zip(recorded) {
            let row = &rows[expected.stored];
            assert_eq!((recorded.standing, recorded.version), (expected.standing, expected.version), "{history:?}");
            assert_eq!(recorded.delivery_id, row.id, "{history:?}");
            assert_eq!(row.body.as_deref(), Some(&body(result, *sent)[..]), "{history:?}");
            if expected.standing == Standing::Repeat {
                continue;
            }
            let has = |code| row.findings.0.contains(&Finding::new(code));
            let found = (has(FindingCode::Recurrence), has(FindingCode::IdReused));
            let has_changed = row.changes.0.contains(&Field::AiAnalysis);
            assert_eq!(found, (expected.is_recurrence, expected.is_reused), "{history:?}");
            assert_eq!(has_changed, expected.has_changed, "{history:?}");
        }
        for (at, row) in rows.iter().enumerate() {
            let repeats = expected.iter().filter(|e| e.standing == Standing::Repeat && e.stored == at).count();
            assert_eq!(row.repeat_count, repeats as i64, "{history:?}");
        }
        let state = self.store.result(result).await;
        let state = state.map(|row| (row.event, row.snapshot.ai_analysis.unwrap().parse().unwrap(), row.version));
        assert_eq!(state, oracle.state(), "{history:?}");
    }
}

fn body(result: &str, sent: Sent) -> Vec<u8> {
    format!("{result} {} {} {}", sent.event, sent.body, sent.is_usable).into_bytes()
}

fn delivery(result: &str, sent: Sent) -> NewDelivery {
    let body = body(result, sent);
    let content = match sent.is_usable {
        true => {
            let mut snapshot = Snapshot::empty();
            snapshot.ai_analysis = Some(sent.body.to_string());
            Content::Usable { result_id: result.to_owned(), snapshot: Box::new(snapshot) }
        }
        false => Content::Unusable { result_id: Some(result.to_owned()) },
    };
    let mut delivery = deliveries::delivery(sent.event, body, content);
    delivery.message_id = sent.message.map(|message| format!("{result} {message}"));
    delivery
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let event = prop_oneof![
        4 => Just(EventKind::InterviewResult),
        3 => Just(EventKind::InterviewCollected),
        2 => Just(EventKind::InterviewFailed),
    ];
    let message = prop_oneof![3 => Just(None), 2 => (0..4_u8).prop_map(Some)];
    (event, 0..3_u8, prop::bool::weighted(0.95), message).prop_map(|(event, body, is_usable, message)| Sent {
        event,
        body,
        is_usable,
        message,
    })
}

fn sent(event: EventKind, body: u8) -> Sent {
    Sent { event, body, is_usable: true, message: None }
}

on_each_backend!(
    every_history_is_judged_as_the_oracle_judges_it,
    every_order_of_five_deliveries_is_judged_as_the_oracle_judges_it,
    a_decision_that_is_toggled_and_toggled_back_is_three_versions,
    a_batch_is_recorded_as_its_members_alone_would_be,
);

// Shows F70.
async fn every_history_is_judged_as_the_oracle_judges_it<B: TestBackend>() {
    let (seed, cases) = (
        seed(),
        match B::SINGLE_WRITER {
            true => rounds(750, 100_000),
            false => rounds(100, 10_000),
        },
    );
    let config = Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    let mut store = Checked::<B>::open().await;
    let store = std::cell::RefCell::new(&mut store);

    let outcome = tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&(prop::collection::vec(any_sent(), 1..12), 1..8_usize), |(history, batch_size)| {
            let mut store = store.borrow_mut();
            let check = std::panic::AssertUnwindSafe(|| {
                tokio::runtime::Handle::current().block_on(store.check(&history, batch_size));
            });
            std::panic::catch_unwind(check).map_err(|_| TestCaseError::fail("the oracle says otherwise"))
        })
    });

    outcome.unwrap();
}

// Shows F70.
async fn every_order_of_five_deliveries_is_judged_as_the_oracle_judges_it<B: TestBackend>() {
    let deliveries = [
        sent(EventKind::InterviewCollected, 0),
        sent(EventKind::InterviewCollected, 1),
        sent(EventKind::InterviewResult, 1),
        sent(EventKind::InterviewResult, 2),
        sent(EventKind::InterviewFailed, 0),
    ];
    let mut store = Checked::<B>::open().await;

    for order in permutations(&deliveries) {
        store.check(&order, 2).await;
        let with_retries: Vec<Sent> = order.iter().flat_map(|sent| [*sent, *sent]).collect();
        store.check(&with_retries, 3).await;
    }
}

async fn a_decision_that_is_toggled_and_toggled_back_is_three_versions<B: TestBackend>() {
    let (a, b) = (sent(EventKind::InterviewResult, 0), sent(EventKind::InterviewResult, 1));
    let mut store = Checked::<B>::open().await;

    for batch_size in 1..=3 {
        store.check(&[a, b, a], batch_size).await;
    }
    store.check(&[a, a, b, b, a, a, b], 7).await;
}

async fn a_batch_is_recorded_as_its_members_alone_would_be<B: TestBackend>() {
    let history: Vec<Sent> = (0..60).map(|n| sent(EventKind::ALL[n % 3], u8::try_from(n / 3 % 3).unwrap())).collect();
    let mut store = Checked::<B>::open().await;

    for batch_size in [1, 2, 7, 60] {
        store.check(&history, batch_size).await;
    }
}

fn permutations(items: &[Sent]) -> Vec<Vec<Sent>> {
    let Some(first) = items.first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for rest in permutations(&items[1..]) {
        for at in 0..=rest.len() {
            let mut order = rest.clone();
            order.insert(at, *first);
            all.push(order);
        }
    }
    all
}
