//! Senders, and writers that share the queue's batches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shuttle::future::{spawn, yield_now};
use shuttle::sync::Mutex;

use super::aside::Aside;
use super::batch_queue::{Entry, Queue};
use super::{Health, Unavailable};
use crate::sync::{Semaphore, mpsc, oneshot};
use crate::time::Instant;
use crate::{NewDelivery, Recorded, chance, step};

/// The writers, as in the product.
const WRITERS: usize = 2;

/// The patience of every sender: no model lasts as long.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The rows of the database, and the results that a transaction is writing.
#[derive(Default)]
struct Rows {
    recorded: Vec<(u64, usize)>,
    in_flight: BTreeSet<u64>,
}

/// A result whose rows another session has locked, once.
type Locked = Arc<Mutex<Option<u64>>>;

/// Senders of one delivery each, of a few results. The queue is stopped at any moment. Each delivery that was accepted is
/// answered once, none overtakes another of its result, and no two batches hold deliveries of one result.
pub async fn senders(count: usize, results: u64) {
    let (queue, entries) = mpsc::channel(count);
    let (stop, stopped) = oneshot::channel();
    let (give_back, returned) = mpsc::unbounded_channel();
    let rows = Arc::new(Mutex::new(Rows::default()));
    let locked: Locked = Arc::new(Mutex::new(Some(0)));
    let is_lost = Arc::new(Mutex::new(true));
    let recording = {
        let rows = Arc::clone(&rows);
        let queue = Queue::new(entries, stopped, returned, Aside::new(usize::MAX), Arc::new(Health));
        spawn(queue.hand_out((0..WRITERS).collect(), move |writer, batch| {
            let (rows, locked, is_lost) = (Arc::clone(&rows), Arc::clone(&locked), Arc::clone(&is_lost));
            let give_back = give_back.clone();
            async move {
                // One writer finds its connection lost, once.
                if writer == 0 && std::mem::replace(&mut *is_lost.lock().expect("nobody panics"), false) {
                    let _ = give_back.send(batch);
                    step();
                    return (writer, None);
                }
                (writer, Some(record(&rows, &locked, batch).await))
            }
        }))
    };
    let (accepted, room) = (Arc::new(Mutex::new(0)), Arc::new(Semaphore::new(count)));
    let senders: Vec<_> = (0..count)
        .map(|sender| {
            let (queue, accepted, room) = (queue.clone(), Arc::clone(&accepted), Arc::clone(&room));
            spawn(async move {
                let Some(answer) = send(&queue, &accepted, &room, sender as u64 % results) else { return };
                assert!(matches!(answer.await, Ok(Ok(Recorded))), "a delivery was accepted, and not recorded");
            })
        })
        .collect();
    drop(queue);
    let stopper = spawn(async move {
        (0..chance(20)).for_each(|_| step());
        let _ = stop.send(());
    });
    for task in senders {
        task.await.expect("nobody panics");
    }
    stopper.await.expect("nobody panics");
    recording.await.expect("nobody panics");

    let rows = rows.lock().expect("nobody panics");
    assert_eq!(rows.recorded.len(), *accepted.lock().expect("nobody panics"));
    for result in 0..results {
        let numbers = rows.recorded.iter().filter(|(key, _)| *key == result).map(|(_, number)| number);
        assert!(numbers.is_sorted(), "deliveries of one result were recorded in another order: {:?}", rows.recorded);
    }
}

/// Puts a delivery into the queue, and numbers it by its place there. `None` once the queue is stopped.
fn send(
    queue: &mpsc::Sender<Entry>,
    accepted: &Mutex<usize>,
    room: &Arc<Semaphore>,
    key: u64,
) -> Option<oneshot::Receiver<Result<Recorded, Unavailable>>> {
    let (answer, receiver) = oneshot::channel();
    let room = Arc::clone(room).try_acquire_owned().expect("there is room");
    let mut accepted = accepted.lock().expect("nobody panics");
    let delivery = NewDelivery { number: *accepted, awaited_until: Some(Instant::now().into_std() + PATIENCE) };
    queue.try_send(Entry { delivery, answer, room, key: Some(key) }).ok()?;
    *accepted += 1;
    Some(receiver)
}

/// Records a batch in one transaction, and answers it. Returns the deliveries of a locked result.
async fn record(rows: &Mutex<Rows>, locked: &Locked, batch: Vec<Entry>) -> Vec<Entry> {
    let keys: BTreeSet<u64> = batch.iter().filter_map(|entry| entry.key).collect();
    for key in &keys {
        assert!(rows.lock().expect("nobody panics").in_flight.insert(*key), "result {key} is in two batches");
    }
    yield_now().await;
    let locked = locked.lock().expect("nobody panics").take();
    let (set_aside, recorded): (Vec<_>, Vec<_>) = batch.into_iter().partition(|entry| entry.key == locked);
    {
        let mut rows = rows.lock().expect("nobody panics");
        rows.recorded.extend(recorded.iter().map(|entry| (entry.key.unwrap_or_default(), entry.delivery.number)));
        rows.in_flight.retain(|key| !keys.contains(key));
    }
    yield_now().await;
    for entry in recorded {
        entry.answer(Ok(Recorded));
    }
    set_aside
}
