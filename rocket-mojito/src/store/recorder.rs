use std::array;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use mojito_schema::{Backend, NewDelivery, Recorded, Standing, Timestamp, failpoint};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::aside::Aside;
use super::batch_queue::{Entry, Queue};
use super::{Database, DedicatedConnection, Unavailable, Wakeup};
use crate::notices::{Notice, Notices};

/// The most deliveries that may wait, of any size.
const MAX_QUEUE_LENGTH: usize = 4096;

/// The most batches in flight: while one waits for its fsync, the other is written.
const MAX_BATCHES: usize = 2;

/// The share of the queue's room for deliveries that wait for rows locked by another transaction: half.
const SET_ASIDE_DIVISOR: usize = 2;

/// The pause before a writer without a connection tries to open one again.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// How long handlers give way to the next delivery, where both need the one turn to write. A sender that waits for each
/// answer posts the next delivery at once. The handlers of the last one run while that is brought to the disk.
const GIVE_WAY: Duration = Duration::from_millis(1);

/// The task that records: it drains the queue, writes each batch in one transaction, and answers its deliveries.
///
/// A delivery that comes alone is written at once. While a batch is in flight, the next one gathers deliveries for at
/// most `GATHER_TIMEOUT`.
pub(crate) struct Recorder {
    queue: mpsc::Sender<Entry>,
    room: Arc<Semaphore>,
    room_size: u32,
    /// Hashes the keys of results. Where several batches are in flight, deliveries of one result must not be in two of
    /// them.
    keys: Option<RandomState>,
    ack_deadline: Duration,
}

impl Recorder {
    /// Opens the connections, which the recorder keeps, and starts the task. The task ends, with the queue drained,
    /// when it is stopped or the recorder is dropped.
    ///
    /// # Errors
    ///
    /// When no writer gets its connections. One writer alone is enough to record.
    pub async fn start<B: Backend>(
        database: &Arc<Database<B>>,
        wakeup: &Wakeup,
        queue_limit: u64,
        ack_deadline: Duration,
    ) -> Result<(Self, RecorderHandle), Unavailable> {
        let (queue, entries) = mpsc::channel(MAX_QUEUE_LENGTH);
        let (stop, stopped) = oneshot::channel();
        let (give_back, returned) = mpsc::unbounded_channel();
        // A semaphore holds fewer than `usize::MAX` permits, and more than fits a `u32`.
        let room_size = u32::try_from(queue_limit).unwrap_or(u32::MAX);
        let keys = (!B::SINGLE_WRITER).then(RandomState::new);
        let room = Arc::new(Semaphore::new(room_size as usize));
        let recorder = Self { queue, room, room_size, keys, ack_deadline };
        let able = Arc::new(AtomicUsize::new(MAX_BATCHES));
        let writers = connections(database).map(|connection| Writer {
            connection,
            database: Arc::clone(database),
            wakeup: wakeup.clone(),
            patience: ack_deadline,
            able: Arc::clone(&able),
            give_back: give_back.clone(),
        });
        let mut opened = Vec::with_capacity(MAX_BATCHES);
        for writer in &writers {
            opened.push(writer.connection.lock().await.open().await);
        }
        if let [Err(refused), ..] = opened[..]
            && opened.iter().all(Result::is_err)
        {
            return Err(refused);
        }
        let aside = Aside::new(room_size as usize / SET_ASIDE_DIVISOR);
        let queue = Queue::new(entries, stopped, returned, aside, Arc::clone(database.health()));
        let notices = database.notices().clone();
        let task = tokio::spawn(queue.hand_out(writers.into(), Writer::finish));
        Ok((recorder, RecorderHandle { stop, task, notices }))
    }

    /// A recorder that takes no delivery, for a process that only operates.
    #[cfg(feature = "cli")]
    pub fn closed() -> Self {
        let (queue, room) = (mpsc::channel(1).0, Arc::new(Semaphore::new(1)));
        Self { queue, room, room_size: 1, keys: None, ack_deadline: Duration::ZERO }
    }

    /// Records a delivery; `Ok` says that it is durable.
    ///
    /// # Errors
    ///
    /// When it was not committed within `ack_deadline`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the delivery is recorded.
    pub async fn record(&self, mut delivery: NewDelivery) -> Result<Recorded, Unavailable> {
        let deadline = Instant::now().checked_add(self.ack_deadline);
        delivery.awaited_until = deadline;
        let recorded = self.submit(delivery)?;
        match tokio::time::timeout(self.ack_deadline, recorded).await {
            // A delivery that was judged as overdue is not acknowledged, even if its outcome arrives before the timer
            // fires.
            Ok(Ok(_)) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => Err(Unavailable::Deadline),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Unavailable::Stopping),
            Err(_) => Err(Unavailable::Deadline),
        }
    }

    /// Queues a delivery. The receiver resolves once the delivery is durable, or is not recorded.
    ///
    /// # Errors
    ///
    /// When the queue is full, or closed.
    ///
    /// # Cancellation
    ///
    /// Dropping the receiver cancels nothing: the delivery is recorded.
    fn submit(&self, delivery: NewDelivery) -> Result<oneshot::Receiver<Result<Recorded, Unavailable>>, Unavailable> {
        // A delivery larger than the whole queue still gets in when it is alone.
        let size = u32::try_from(delivery.size()).unwrap_or(u32::MAX).clamp(1, self.room_size);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(|_| Unavailable::QueueFull)?;
        let (answer, receiver) = oneshot::channel();
        let key = self.keys.as_ref().map(|keys| match delivery.result_id() {
            Some(id) => keys.hash_one((delivery.endpoint(), id)),
            None => keys.hash_one(delivery.fingerprint().as_bytes()),
        });
        match self.queue.try_send(Entry { delivery, answer, room, key }) {
            Ok(()) => Ok(receiver),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Unavailable::QueueFull),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Unavailable::Stopping),
        }
    }
}

/// The running task of a [`Recorder`].
pub(crate) struct RecorderHandle {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    notices: Notices,
}

impl RecorderHandle {
    /// Closes the queue, and returns when every waiting delivery is answered, or `patience` is over.
    pub async fn stop(self, patience: Duration) {
        let _ = self.stop.send(());
        if tokio::time::timeout(patience, self.task).await.is_err() {
            self.notices.say(Notice::NotRecorded);
        }
    }
}

/// Says after a pause that this process made work, unless it is said before.
fn notify_after(wakeup: &Wakeup, pause: Duration) {
    let (wakeup, mut said) = (wakeup.clone(), wakeup.listen_for_own());
    tokio::spawn(async move {
        if tokio::time::timeout(pause, said.changed()).await.is_err() {
            wakeup.notify();
        }
    });
}

/// The connections of the writers, each for one batch at a time. Where a database has one writer, they share one: the page
/// cache of a connection is of no use once another one has written.
fn connections<B: Backend>(database: &Arc<Database<B>>) -> [Arc<Mutex<DedicatedConnection<B>>>; MAX_BATCHES] {
    let own = |_| Arc::new(Mutex::new(DedicatedConnection::new(Arc::clone(database))));
    if B::SINGLE_WRITER {
        let shared = own(0);
        return array::from_fn(|_| Arc::clone(&shared));
    }
    array::from_fn(own)
}

/// Writes one batch at a time.
struct Writer<B: Backend> {
    connection: Arc<Mutex<DedicatedConnection<B>>>,
    database: Arc<Database<B>>,
    wakeup: Wakeup,
    patience: Duration,
    /// The number of writers that have connections, or may have.
    able: Arc<AtomicUsize>,
    give_back: mpsc::UnboundedSender<Vec<Entry>>,
}

/// The outcome of a delivery: recorded, or set aside (`None`), or refused.
type Outcome = Result<Option<Recorded>, Unavailable>;

impl<B: Backend> Writer<B> {
    /// Records a batch and answers its deliveries, except for those set aside, which it returns. `None` where it has
    /// given the batch back.
    async fn finish(self, batch: Vec<Entry>) -> (Self, Option<Vec<Entry>>) {
        let keys: Vec<Option<u64>> = batch.iter().map(|entry| entry.key).collect();
        let (deliveries, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|entry| (entry.delivery, (entry.answer, entry.room))).unzip();
        let deliveries = Arc::new(deliveries);
        // A panic in one batch must not end the recorder.
        let recording = AssertUnwindSafe(self.record(&deliveries, &keys)).catch_unwind();
        let outcomes = recording.await.unwrap_or_else(|_| {
            let count = deliveries.len();
            self.database.notices().say(Notice::RecorderPanicked { count: count as u64 });
            vec![Err(Unavailable::Database); count]
        });
        self.database.health().note(&deliveries, &outcomes);
        let recorded = deliveries.iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Ok(Some(_))));
        self.database.secret_uses().add(recorded.map(|(delivery, _)| delivery), Instant::now());
        let deliveries = Arc::unwrap_or_clone(deliveries).into_iter();
        let entries = deliveries.zip(answers).zip(keys);
        let entries = entries.map(|((delivery, (answer, room)), key)| Entry { delivery, answer, room, key });
        if outcomes.iter().all(|outcome| *outcome == Err(Unavailable::Connection)) && self.steps_back() {
            let _ = self.give_back.send(entries.collect());
            self.reopen().await;
            return (self, None);
        }
        let mut set_aside = Vec::new();
        for (entry, outcome) in entries.zip(outcomes) {
            match outcome.transpose() {
                Some(outcome) => entry.answer(outcome),
                None => set_aside.push(entry),
            }
        }
        if B::SINGLE_WRITER {
            notify_after(&self.wakeup, GIVE_WAY);
        } else {
            self.wakeup.notify();
        }
        (self, Some(set_aside))
    }

    /// Leaves the recording to the other writers while this one has no connection. The last writer stays.
    fn steps_back(&self) -> bool {
        let leave = |able| (able > 1 && !B::SINGLE_WRITER).then(|| able - 1);
        self.able.fetch_update(Ordering::AcqRel, Ordering::Acquire, leave).is_ok()
    }

    async fn reopen(&self) {
        loop {
            tokio::time::sleep(REOPEN_INTERVAL).await;
            if self.connection.lock().await.open().await.is_ok() {
                self.able.fetch_add(1, Ordering::AcqRel);
                return;
            }
        }
    }

    async fn record(&self, batch: &Arc<Vec<NewDelivery>>, keys: &[Option<u64>]) -> Vec<Outcome> {
        let mut recorded = self.write(Arc::clone(batch)).await;
        if recorded == Err(Unavailable::Connection) {
            // Nothing of the batch was committed on the lost connection: it begins again on another one.
            recorded = self.write(Arc::clone(batch)).await;
        }
        match recorded {
            Ok(recorded) => recorded.into_iter().map(Ok).collect(),
            // The batch may be stored. If it were recorded once more, a body that was replaced within it would be a
            // change back.
            Err(unavailable @ (Unavailable::Unknown | Unavailable::Connection)) => vec![Err(unavailable); batch.len()],
            Err(unavailable) if batch.len() == 1 => vec![Err(unavailable)],
            Err(_) => self.record_one_by_one(batch, keys).await,
        }
    }

    /// Records a failed batch one by one: one bad delivery must not refuse its neighbours. After `patience` it stops. A
    /// database that is down need not be asked for each delivery, since no sender waits any more.
    async fn record_one_by_one(&self, batch: &[NewDelivery], keys: &[Option<u64>]) -> Vec<Outcome> {
        let began = Instant::now();
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut set_aside: HashSet<u64> = HashSet::new();
        for (delivery, key) in batch.iter().zip(keys) {
            // A later delivery of the same result must not overtake one that is set aside.
            if key.is_some_and(|key| set_aside.contains(&key)) {
                outcomes.push(Ok(None));
                continue;
            }
            if began.elapsed() > self.patience {
                outcomes.push(Err(Unavailable::Database));
                continue;
            }
            let outcome = self.write(Arc::new(vec![delivery.clone()])).await;
            let outcome = outcome.map(|recorded| recorded[0]);
            if outcome == Ok(None) {
                set_aside.extend(key);
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn write(&self, batch: Arc<Vec<NewDelivery>>) -> Result<Vec<Option<Recorded>>, Unavailable> {
        const FAILURE: &str = "a batch was not recorded";
        let mut connection = self.connection.lock().await;
        let committed = connection.commit(FAILURE, |c| B::record(c, batch, Timestamp::now()).boxed()).await?;
        let new = committed.seen().iter().flatten().filter(|recorded| recorded.standing != Standing::Repeat);
        let unsynced = self.database.durability().unsynced(new.map(|recorded| recorded.delivery_id));
        drop(connection);
        if B::SINGLE_WRITER {
            // The handlers of what was recorded before gave way to this batch, and run during its fsync.
            self.wakeup.notify();
        }
        let recorded = committed.durable(FAILURE).await?;
        unsynced.synced();
        failpoint::reach("record.committed");
        Ok(recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_said_after_a_pause_is_said_once() {
        let wakeup = Wakeup::new();
        let mut listener = wakeup.listen();

        notify_after(&wakeup, PAUSE);
        let early = tokio::time::timeout(PAUSE / 2, listener.changed()).await;
        let in_time = tokio::time::timeout(PAUSE, listener.changed()).await;
        let again = tokio::time::timeout(2 * PAUSE, listener.changed()).await;

        assert_eq!((early.is_ok(), in_time.is_ok(), again.is_ok()), (false, true, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_before_the_pause_is_over_is_not_said_again() {
        let wakeup = Wakeup::new();
        notify_after(&wakeup, PAUSE);
        let mut listener = wakeup.listen();

        wakeup.notify();
        let at_once = listener.has_changed();
        listener.mark_unchanged();
        let later = tokio::time::timeout(2 * PAUSE, listener.changed()).await;

        assert_eq!((at_once.unwrap(), later.is_ok()), (true, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_process_says_is_no_delivery_to_give_way_to() {
        let wakeup = Wakeup::new();
        notify_after(&wakeup, PAUSE);
        wakeup.notify_of_others();
        let mut listener = wakeup.listen();

        let later = tokio::time::timeout(2 * PAUSE, listener.changed()).await;

        assert!(later.is_ok());
    }
}
