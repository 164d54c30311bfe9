use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mojito_schema::{NewDelivery, Recorded};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::aside::{Admission, Aside};
use super::{Health, Unavailable};

/// The most deliveries that one transaction takes. One fsync then serves them all.
const MAX_BATCH_SIZE: usize = 256;

/// The longest time that a batch waits to become as large as the batches in flight.
const GATHER_TIMEOUT: Duration = Duration::from_millis(20);

/// A delivery that waits to be recorded.
pub(super) struct Entry {
    pub delivery: NewDelivery,
    pub answer: oneshot::Sender<Result<Recorded, Unavailable>>,
    pub room: OwnedSemaphorePermit,
    /// The hash of its result's key, where deliveries of one result must not be in two batches in flight.
    pub key: Option<u64>,
}

impl Entry {
    /// Sends the outcome to the receiver, which is gone if the client has left or the deadline has passed.
    pub fn answer(self, outcome: Result<Recorded, Unavailable>) {
        let _ = self.answer.send(outcome);
    }
}

/// The deliveries that wait to be recorded, and the signal to take no more.
pub(super) struct Queue {
    entries: mpsc::Receiver<Entry>,
    stop: oneshot::Receiver<()>,
    has_ended: bool,
    /// The batches that writers without a connection give back.
    returned: mpsc::UnboundedReceiver<Vec<Entry>>,
    /// The deliveries that no other delivery of their result holds up.
    fresh: VecDeque<Entry>,
    aside: Aside,
    health: Arc<Health>,
}

impl Queue {
    pub fn new(
        entries: mpsc::Receiver<Entry>,
        stop: oneshot::Receiver<()>,
        returned: mpsc::UnboundedReceiver<Vec<Entry>>,
        aside: Aside,
        health: Arc<Health>,
    ) -> Self {
        Self { entries, stop, has_ended: false, returned, fresh: VecDeque::new(), aside, health }
    }

    /// Hands each batch to a free writer, until the queue is stopped and empty. `finish` records a batch, and resolves as
    /// [`Busy::push`] has it.
    ///
    /// `tests/models` runs it under each order of its steps: each delivery is answered once.
    pub async fn hand_out<W, F>(mut self, mut free: Vec<W>, finish: impl Fn(W, Vec<Entry>) -> F)
    where
        W: 'static,
        F: Future<Output = (W, Option<Vec<Entry>>)> + Send + 'static,
    {
        let mut busy = Busy::default();
        loop {
            let batch = self.next_batch(&mut free, &mut busy).await;
            let Some(writer) = free.pop().filter(|_| !batch.is_empty()) else { break };
            busy.push(batch.len(), keys_of(&batch), finish(writer, batch));
        }
    }

    /// Waits for deliveries and for a free writer. The batch is empty once the queue is stopped and empty.
    ///
    /// While deliveries are in flight, the next batch gathers as many: smaller batches would cost more than an earlier
    /// start gains. A batch in flight that stands still holds up the next one for [`GATHER_TIMEOUT`] at most.
    ///
    /// Deliveries that were set aside are tried again in a batch of their own, so that they hold up no others.
    async fn next_batch<W: 'static>(&mut self, free: &mut Vec<W>, busy: &mut Busy<W>) -> Vec<Entry> {
        let mut is_held_for_long = false;
        let mut hold = pin!(sleep(GATHER_TIMEOUT));
        loop {
            let waiting = self.fresh.len();
            let is_enough = waiting >= busy.deliveries.clamp(1, MAX_BATCH_SIZE)
                || is_held_for_long
                || (self.has_ended && waiting > 0);
            let due = self.aside.next_due().filter(|_| !free.is_empty());
            if is_enough && !free.is_empty() {
                return self.send();
            }
            if self.has_ended && waiting == 0 && self.aside.is_empty() && busy.deliveries == 0 {
                return Vec::new();
            }
            let is_empty = waiting == 0;
            let (mut arrived, room) = (Vec::new(), MAX_BATCH_SIZE.saturating_sub(waiting));
            tokio::select! {
                biased;
                // The writer that was busy last is taken first: under low load it is always the same one.
                Some(ended) = busy.next() => {
                    free.push(ended.writer);
                    let let_go = self.aside.end(ended.keys, ended.set_aside, ended.began.elapsed());
                    self.put_first(let_go);
                }
                Some(returned) = self.returned.recv() => {
                    busy.deliveries -= returned.len();
                    let behind = self.aside.end(keys_of(&returned), Vec::new(), Duration::ZERO);
                    self.put_first(behind);
                    self.put_first(returned);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let again = self.take_due();
                    if !again.is_empty() {
                        return again;
                    }
                }
                count = drain(&mut self.entries, &mut self.stop, &mut arrived, room), if room > 0 && !self.has_ended => {
                    self.has_ended = count == 0;
                    for entry in arrived {
                        self.put(entry);
                    }
                }
                () = &mut hold, if !is_empty && !is_held_for_long => is_held_for_long = true,
            }
            if is_empty {
                hold.as_mut().reset(Instant::now() + GATHER_TIMEOUT);
            }
        }
    }

    /// Puts a delivery at the end of the queue, or behind others of its result.
    fn put(&mut self, entry: Entry) {
        match self.aside.admit(entry) {
            Admission::Free(entry) => self.fresh.push_back(entry),
            Admission::Refused(entry) => entry.answer(Err(Unavailable::QueueFull)),
            Admission::Waits => {}
        }
    }

    /// Puts deliveries before all deliveries that came later.
    fn put_first(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.fresh.push_front(entry);
        }
    }

    /// Hands on a batch. Other deliveries of the same results wait behind it.
    fn send(&mut self) -> Vec<Entry> {
        let rest = self.fresh.split_off(self.fresh.len().min(MAX_BATCH_SIZE));
        let batch = Vec::from(std::mem::replace(&mut self.fresh, VecDeque::with_capacity(rest.len())));
        self.aside.send(&batch);
        for entry in rest {
            self.put(entry);
        }
        batch
    }

    /// Takes the deliveries that are to be tried again. If its sender waits no more, a delivery is refused with
    /// `Deadline` instead.
    fn take_due(&mut self) -> Vec<Entry> {
        let (again, over) = self.aside.take_due(MAX_BATCH_SIZE);
        for entry in over {
            self.health.refuse(&entry.delivery);
            entry.answer(Err(Unavailable::Deadline));
        }
        self.aside.send(&again);
        again
    }
}

/// Waits for deliveries, and takes up to `room` of them. Returns their number: 0 once the queue is stopped and empty.
async fn drain(
    entries: &mut mpsc::Receiver<Entry>,
    stop: &mut oneshot::Receiver<()>,
    arrived: &mut Vec<Entry>,
    room: usize,
) -> usize {
    loop {
        tokio::select! {
            biased;
            _ = &mut *stop, if !stop.is_terminated() => entries.close(),
            count = entries.recv_many(arrived, room) => return count,
        }
    }
}

/// The keys of a batch, each once.
fn keys_of(batch: &[Entry]) -> Vec<u64> {
    let mut keys: Vec<u64> = batch.iter().filter_map(|entry| entry.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The batches in flight, each with its writer.
struct Busy<W> {
    batches: FuturesUnordered<BoxFuture<'static, Ended<W>>>,
    /// The number of their deliveries.
    deliveries: usize,
}

/// A batch that has ended.
struct Ended<W> {
    writer: W,
    /// The deliveries whose rows another transaction has locked.
    set_aside: Vec<Entry>,
    keys: Vec<u64>,
    deliveries: usize,
    began: Instant,
}

impl<W> Default for Busy<W> {
    fn default() -> Self {
        Self { batches: FuturesUnordered::new(), deliveries: 0 }
    }
}

impl<W: 'static> Busy<W> {
    /// Adds a batch of so many deliveries, of results with these keys. It resolves to its writer, which is then free,
    /// and the deliveries set aside. `None` where the writer has given the whole batch back before.
    fn push(
        &mut self,
        deliveries: usize,
        keys: Vec<u64>,
        batch: impl Future<Output = (W, Option<Vec<Entry>>)> + Send + 'static,
    ) {
        self.deliveries += deliveries;
        let began = Instant::now();
        let ended = batch.map(move |(writer, set_aside)| match set_aside {
            Some(set_aside) => Ended { writer, set_aside, keys, deliveries, began },
            None => Ended { writer, set_aside: Vec::new(), keys: Vec::new(), deliveries: 0, began },
        });
        self.batches.push(ended.boxed());
    }

    /// The batch that ends next, or `None` where no batch is in flight.
    async fn next(&mut self) -> Option<Ended<W>> {
        let ended = self.batches.next().await?;
        self.deliveries -= ended.deliveries;
        Some(ended)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mojito_schema::{Content, EventKind, Timestamp};
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;
    use crate::notices::Notices;

    /// A queue, with the sender of its deliveries and the signal that stops it.
    fn queue() -> (mpsc::Sender<Entry>, Queue, oneshot::Sender<()>) {
        let (sender, entries) = mpsc::channel(1024);
        let (stop, stopped) = oneshot::channel();
        let (_, returned) = mpsc::unbounded_channel();
        let health = Arc::new(Health::new(Notices::start().expect("a thread")));
        (sender, Queue::new(entries, stopped, returned, Aside::new(0), health), stop)
    }

    /// A delivery, with its answer.
    fn entry(key: Option<u64>) -> (Entry, oneshot::Receiver<Result<Recorded, Unavailable>>) {
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("there is room");
        let (answer, answered) = oneshot::channel();
        (Entry { delivery: delivery(), answer, room, key }, answered)
    }

    fn put(sender: &mpsc::Sender<Entry>, count: usize) {
        for _ in 0..count {
            assert!(sender.try_send(entry(None).0).is_ok());
        }
    }

    fn delivery() -> NewDelivery {
        let (endpoint, secret, content) =
            ("default".to_owned(), "only".to_owned(), Content::Unusable { result_id: None });
        NewDelivery::new(endpoint, secret, EventKind::Unknown, Timestamp::now(), b"-".to_vec(), content)
    }

    /// A free writer, beside a writer whose batch of so many deliveries never ends.
    fn beside(deliveries: usize) -> (Vec<&'static str>, Busy<&'static str>) {
        let mut busy = Busy::default();
        busy.push(deliveries, Vec::new(), pending());
        (vec!["free"], busy)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_is_taken_at_once_where_nothing_is_on_its_way() {
        let (sender, mut queue, _stop) = queue();
        let began = Instant::now();
        put(&sender, 3);

        let batch = queue.next_batch(&mut vec!["free"], &mut Busy::default()).await;

        assert_eq!((batch.len(), began.elapsed()), (3, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_are_gathered_as_are_on_their_way() {
        let (sender, mut queue, _stop) = queue();
        let (mut free, mut busy) = beside(3);
        put(&sender, 2);
        let mut batch = pin!(queue.next_batch(&mut free, &mut busy));

        let early = batch.as_mut().now_or_never();
        put(&sender, 2);
        let batch = batch.now_or_never();

        assert!(early.is_none());
        assert_eq!(batch.map(|batch| batch.len()), Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_batch_lets_go_what_was_gathered() {
        let (sender, mut queue, _stop) = queue();
        let (mut free, mut busy) = (vec!["free"], Busy::default());
        let (end, ended) = oneshot::channel();
        busy.push(3, Vec::new(), ended.map(|_: Result<(), _>| ("busy", Some(Vec::new()))));
        put(&sender, 1);
        let mut batch = pin!(queue.next_batch(&mut free, &mut busy));
        let early = batch.as_mut().now_or_never();

        end.send(()).expect("it is waited for");
        let batch = batch.now_or_never().map(|batch| batch.len());

        assert!(early.is_none());
        assert_eq!(batch, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_stands_still_holds_nobody_up_for_long() {
        let (sender, mut queue, _stop) = queue();
        let (mut free, mut busy) = beside(200);
        let began = Instant::now();
        put(&sender, 1);

        let batch = timeout(10 * GATHER_TIMEOUT, queue.next_batch(&mut free, &mut busy)).await;

        assert_eq!((batch.map(|batch| batch.len()), began.elapsed()), (Ok(1), GATHER_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_when_it_is_stopped_is_not_held() {
        let (sender, mut queue, stop) = queue();
        let (mut free, mut busy) = beside(200);
        put(&sender, 300);
        stop.send(()).expect("the queue listens");

        let full = queue.next_batch(&mut free, &mut busy).await;
        let rest = queue.next_batch(&mut free, &mut busy).now_or_never().map(|batch| batch.len());
        let nothing = queue.next_batch(&mut free, &mut Busy::default()).now_or_never().map(|batch| batch.len());

        assert_eq!((full.len(), rest, nothing), (MAX_BATCH_SIZE, Some(44), Some(0)));
    }

    /// Two deliveries of one result and one of another, of which the first try finds all rows locked.
    #[tokio::test(start_paused = true)]
    async fn what_was_set_aside_is_handed_out_and_answered_before_a_queue_that_is_stopped_ends() {
        let (sender, queue, stop) = queue();
        let mut answers = Vec::new();
        for key in [1, 1, 2] {
            let (mut entry, answered) = entry(Some(key));
            entry.delivery.awaited_until = Some((Instant::now() + Duration::from_secs(5)).into_std());
            assert!(sender.try_send(entry).is_ok());
            answers.push(answered);
        }
        stop.send(()).expect("the queue listens");
        let tries = AtomicUsize::new(0);

        let handed_out = queue.hand_out(vec![()], |(), batch| {
            let is_locked = tries.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if is_locked {
                    return ((), Some(batch));
                }
                batch.into_iter().for_each(|entry| entry.answer(Err(Unavailable::Database)));
                ((), Some(Vec::new()))
            }
        });
        let ended = timeout(Duration::from_secs(1), handed_out).await;

        let answers: Vec<_> = answers.iter_mut().map(oneshot::Receiver::try_recv).collect();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Err(Unavailable::Database)))), "{answers:?}");
        assert_eq!((ended, tries.load(Ordering::Relaxed)), (Ok(()), 2));
    }
}
