//! Each state of work, each claim and each former version is that of a model in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mojito_schema::{
    Action, AttemptOutcome, ClaimRequest, EventKind, HandlerSpec, Line, Requeue, Settlement, State, Ticket, Timestamp,
    Versions,
};

use super::{LEASE, begun, handler, result, said};
use crate::harness::{Store, TestBackend, attach_all, on_each_backend, rounds, seed};

use State::{Completed, Discarded, Pending, Retryable, Running, Skipped};

on_each_backend!(work_ends_as_a_model_in_memory_says);

const HANDLERS: [&str; 2] = ["Every", "Latest"];

const MAX_ATTEMPTS: i32 = 3;

/// The work of one handler on one delivery, as it should be.
#[derive(Debug, Clone)]
struct Work {
    first: i64,
    /// `None` for a late delivery.
    version: Option<i64>,
    state: State,
    attempt: i32,
    is_replayed: bool,
    ticket: Option<Ticket>,
}

/// All work as it should be, by delivery and handler.
#[derive(Default)]
struct Model(BTreeMap<(i64, &'static str), Work>);

impl Model {
    fn add(&mut self, id: i64, first: i64, version: Option<i64>) {
        for handler in HANDLERS {
            let work = Work { first, version, state: Pending, attempt: 0, is_replayed: false, ticket: None };
            self.0.insert((id, handler), work);
            if version.is_some() {
                self.overtake(first, handler);
            }
        }
    }

    /// Skips the waiting work that a newer version has overtaken.
    fn overtake(&mut self, first: i64, handler: &str) {
        for key in self.keys(|of, work| of == handler && work.first == first) {
            let is_overtaken = self.is_overtaken(key);
            let work = self.at(key);
            if is_overtaken && matches!(work.state, Pending | Retryable) && !work.is_replayed {
                work.state = Skipped;
            }
        }
    }

    fn is_overtaken(&self, (id, handler): (i64, &'static str)) -> bool {
        let work = &self.0[&(id, handler)];
        let mut line = self.0.iter().filter(|((_, of), other)| *of == handler && other.first == work.first);
        handler == "Latest" && work.version.is_some() && line.any(|(_, other)| other.version > work.version)
    }

    /// The keys of the work that a handler may claim.
    fn claimable(&self, handler: &str) -> Vec<(i64, &'static str)> {
        let mut firsts = BTreeMap::new();
        for (key, work) in self.0.iter().filter(|((_, of), work)| *of == handler && is_open(work.state)) {
            let first = firsts.entry(work.first).or_insert((*key, false));
            first.1 |= work.state == Running;
        }
        firsts.into_values().filter(|(_, is_running)| !is_running).map(|(key, _)| key).collect()
    }

    /// The newest version before a delivery's own that its handler has completed.
    fn former(&self, (id, handler): (i64, &'static str)) -> Option<i64> {
        let work = &self.0[&(id, handler)];
        let line = self.0.iter().filter(|((_, of), other)| *of == handler && other.first == work.first);
        let done = line.filter(|(_, other)| other.state == Completed && other.version < work.version);
        done.filter_map(|(_, other)| other.version).max()
    }

    fn settle(&mut self, key: (i64, &'static str), settlement: &Settlement) -> State {
        let is_overtaken = self.is_overtaken(key);
        let work = self.at(key);
        work.ticket = None;
        work.state = match settlement {
            Settlement::Complete => Completed,
            Settlement::Retry { .. } if work.attempt < MAX_ATTEMPTS => Retryable,
            Settlement::Retry { .. } | Settlement::Discard { .. } => Discarded,
            Settlement::Release => {
                work.attempt -= 1;
                if work.attempt == 0 { Pending } else { Retryable }
            }
        };
        work.is_replayed &= matches!(settlement, Settlement::Release);
        if is_overtaken && work.state != Completed && !work.is_replayed {
            work.state = Skipped;
        }
        work.state
    }

    fn replay(&mut self, key: (i64, &'static str)) {
        let work = self.at(key);
        (work.state, work.attempt, work.is_replayed) = (Pending, 0, true);
    }

    fn at(&mut self, key: (i64, &'static str)) -> &mut Work {
        self.0.get_mut(&key).unwrap()
    }

    fn keys(&self, holds: impl Fn(&str, &Work) -> bool) -> Vec<(i64, &'static str)> {
        self.0.iter().filter(|((_, handler), work)| holds(handler, work)).map(|(key, _)| *key).collect()
    }

    fn states(&self) -> Vec<(i64, String, State)> {
        self.0.iter().map(|((id, handler), work)| (*id, (*handler).to_owned(), work.state)).collect()
    }
}

fn is_open(state: State) -> bool {
    matches!(state, Pending | Retryable | Running)
}

/// A store and its model.
struct Checked<B: TestBackend> {
    store: Store<B>,
    model: Model,
    random: Rng,
}

impl<B: TestBackend> Checked<B> {
    async fn step(&mut self) {
        match self.random.u8(0..10) {
            0..3 => self.record().await,
            3..5 => self.claim().await,
            5..8 => self.settle().await,
            8 => self.replay().await,
            _ => self.discard().await,
        }
        let work = self.store.work().await;
        let states: Vec<_> = work.into_iter().map(|row| (row.delivery_id, row.handler, row.state)).collect();
        assert_eq!(states, self.model.states());
    }

    async fn record(&mut self) {
        let random = &mut self.random;
        let batch = (0..random.usize(1..4)).map(|_| {
            let (id, text) = (if random.bool() { "a" } else { "b" }, random.u64(..).to_string());
            if random.u8(..) < 50 { said(EventKind::InterviewCollected, id, &text) } else { result(id, &text) }
        });
        let recorded =
            B::record(&mut self.store.connection, Arc::new(batch.collect()), Timestamp::now()).await.unwrap();
        let rows = self.store.deliveries().await;
        for recorded in recorded.into_iter().flatten() {
            let row = rows.iter().find(|row| row.id == recorded.delivery_id).unwrap();
            self.model.add(row.id, row.first_delivery_id.unwrap(), row.version);
        }
    }

    async fn claim(&mut self) {
        let handler = *self.random.choice(&HANDLERS).unwrap();
        let request = ClaimRequest::new(handler, 10, LEASE);
        let claimed = B::claim(&mut self.store.connection, request, Timestamp::now()).await.unwrap().claims;

        let mut keys: Vec<_> = claimed.iter().map(|claim| (claim.delivery.id, handler)).collect();
        keys.sort_unstable();
        let mut expected = self.model.claimable(handler);
        expected.sort_unstable();
        assert_eq!(keys, expected);
        for claim in claimed {
            let key = (claim.delivery.id, handler);
            let former = self.model.former(key);
            assert_eq!(claim.former_version, former, "{key:?}");
            let work = self.model.at(key);
            (work.state, work.attempt, work.ticket) = (Running, work.attempt + 1, Some(claim.ticket));
        }
    }

    async fn settle(&mut self) {
        let Some(key) = self.any(|_, work| work.state == Running) else { return };
        let settlement = match self.random.u8(0..5) {
            0..2 => Settlement::Complete,
            2 => Settlement::Discard { error: "no".to_owned() },
            3 => Settlement::Release,
            _ => Settlement::Retry { pause: Duration::ZERO, error: "no".to_owned(), outcome: AttemptOutcome::Failed },
        };
        let ticket = self.model.at(key).ticket.clone().unwrap();

        let state = B::settle(&mut self.store.connection, ticket, settlement.clone(), Timestamp::now()).await.unwrap();

        assert_eq!(state, Some(self.model.settle(key, &settlement)), "{key:?} {settlement:?}");
    }

    async fn replay(&mut self) {
        let Some(key) = self.any(|_, work| work.state != Running) else { return };
        let step = begun::<B>(&mut self.store.connection, Action::Replay).await;
        let item = Requeue { delivery_id: key.0, line: self.line(key), max_attempts: None };

        B::requeue(&mut self.store.connection, vec![item], step, Timestamp::now()).await.unwrap().unwrap();

        self.model.replay(key);
    }

    async fn discard(&mut self) {
        let Some(key) = self.any(|_, work| matches!(work.state, Pending | Retryable)) else { return };
        let (step, line) = (begun::<B>(&mut self.store.connection, Action::Discard).await, self.line(key));

        let discarded = B::discard(&mut self.store.connection, vec![(key.0, line)], step, Timestamp::now()).await;
        discarded.unwrap().unwrap();

        self.model.at(key).state = Discarded;
    }

    fn line(&self, key: (i64, &'static str)) -> Line {
        Line { first_delivery_id: self.model.0[&key].first, handler: key.1.to_owned() }
    }

    fn any(&mut self, holds: impl Fn(&str, &Work) -> bool) -> Option<(i64, &'static str)> {
        self.random.choice(self.model.keys(holds))
    }
}

// Shows O15.
async fn work_ends_as_a_model_in_memory_says<B: TestBackend>() {
    let mut random = Rng::with_seed(seed());
    let spec = |name: &str| HandlerSpec {
        takes_late: true,
        wants: if name == "Latest" { Versions::Latest } else { Versions::Every },
        max_attempts: MAX_ATTEMPTS,
        ..handler(name)
    };
    for _ in 0..rounds(4, 200) {
        let mut store = Store::<B>::open().await;
        attach_all::<B>(&mut store.connection, &Arc::new(HANDLERS.map(spec).into())).await;
        let mut checked = Checked { store, model: Model::default(), random: random.fork() };
        for _ in 0..80 {
            checked.step().await;
        }
    }
}
