//! Recorders that make work, and an executor that claims it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use shuttle::future::{spawn, yield_now};
use shuttle::sync::Mutex;

use super::claim_loop::{ClaimLoop, Work};
use super::slots::{Slot, Slots};
use crate::store::Wakeup;
use crate::sync::watch;
use crate::time::Instant;
use crate::{chance, step};

/// The work of one handler.
#[derive(Default)]
struct Rows {
    pending: Vec<usize>,
    /// How often each piece was handled.
    handled: Vec<usize>,
}

struct Model {
    rows: Arc<Mutex<Rows>>,
    /// The number of attempts that have ended.
    ended: watch::Sender<usize>,
}

impl Work for Model {
    type Claim = usize;

    fn is_paused(&self) -> bool {
        false
    }

    async fn claim(&self, limit: usize, _free: usize) -> (Vec<usize>, bool) {
        let (claims, is_cut) = {
            let mut rows = self.rows.lock().expect("nobody panics");
            let count = limit.min(rows.pending.len());
            (rows.pending.drain(..count).collect(), !rows.pending.is_empty())
        };
        // The commit, during which others record.
        yield_now().await;
        (claims, is_cut)
    }

    fn start(&self, claim: usize, slot: Slot) {
        let (rows, ended) = (Arc::clone(&self.rows), self.ended.clone());
        spawn(async move {
            yield_now().await;
            rows.lock().expect("nobody panics").handled[claim] += 1;
            drop(slot);
            ended.send_modify(|ended| *ended += 1);
        });
    }

    async fn release(&self, claims: Vec<usize>) {
        self.rows.lock().expect("nobody panics").pending.extend(claims);
    }

    async fn rest(&self, _until: Option<Instant>) {
        pending::<()>().await;
    }
}

/// Recorders of some pieces of work each, for an executor that has so many slots and never polls. All work is handled,
/// each piece once.
pub async fn handled(recorders: usize, pieces: usize, slots: usize) {
    handle(recorders, pieces, slots, None).await;
}

/// The same, and the executor is stopped at any moment. Each piece is handled once, or is there for the next process.
pub async fn stopped(recorders: usize, pieces: usize, slots: usize) {
    handle(recorders, pieces, slots, Some(chance(30))).await;
}

async fn handle(recorders: usize, pieces: usize, slots: usize, patience: Option<u32>) {
    let count = recorders * pieces;
    let rows = Arc::new(Mutex::new(Rows { handled: vec![0; count], ..Rows::default() }));
    let (ended, mut ends) = watch::channel(0);
    let (stop, stopped) = watch::channel(false);
    let (wakeup, slots) = (Wakeup::new(), Slots::new(slots));
    let executor = {
        let (model, recorded, slots) = (Model { rows: Arc::clone(&rows), ended }, wakeup.listen(), slots.clone());
        spawn(async move {
            let claim_loop = ClaimLoop { work: &model, slots: &slots, poll_interval: Duration::MAX };
            claim_loop.run(recorded, stopped).await;
        })
    };
    let recorders = (0..recorders).map(|recorder| {
        let (rows, wakeup) = (Arc::clone(&rows), wakeup.clone());
        spawn(async move {
            for piece in recorder * pieces..(recorder + 1) * pieces {
                rows.lock().expect("nobody panics").pending.push(piece);
                wakeup.notify();
            }
        })
    });
    let recorders: Vec<_> = recorders.collect();
    match patience {
        None => drop(ends.wait_for(|ended| *ended == count).await),
        Some(steps) => (0..steps).for_each(|_| step()),
    }
    stop.send_replace(true);
    executor.await.expect("nobody panics");
    slots.all_ended().await;
    for recorder in recorders {
        recorder.await.expect("nobody panics");
    }

    let rows = rows.lock().expect("nobody panics");
    for (piece, handled) in rows.handled.iter().enumerate() {
        let is_pending = rows.pending.contains(&piece);
        assert_eq!(handled + usize::from(is_pending), 1, "piece {piece} was handled {handled} times");
        assert!(patience.is_some() || !is_pending);
    }
}
