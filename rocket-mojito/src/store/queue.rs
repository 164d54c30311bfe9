use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mojito_schema::{NewDelivery, Recorded};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::Unavailable;

/// The most deliveries that one transaction takes. One fsync then serves them all.
const LARGEST_BATCH: usize = 256;

/// How long a batch waits at most to become as large as those before it.
const LONGEST_HOLD: Duration = Duration::from_millis(20);

/// A delivery that waits to be recorded.
pub(super) struct Entry {
    pub delivery: NewDelivery,
    pub answer: oneshot::Sender<Result<Recorded, Unavailable>>,
    pub room: OwnedSemaphorePermit,
}

/// What waits, and who is told when nothing more may.
pub(super) struct Queue {
    pub entries: mpsc::Receiver<Entry>,
    pub stop: oneshot::Receiver<()>,
}

impl Queue {
    /// Waits for deliveries and for a writer that is free. There are no deliveries once it is stopped and empty.
    ///
    /// While others are on their way, as many are gathered: smaller batches would cost more than is gained by beginning
    /// one earlier. Others that stand still hold nobody up for longer than [`LONGEST_HOLD`].
    pub async fn next_batch<W: 'static>(&mut self, free: &mut Vec<W>, busy: &mut Busy<W>) -> Vec<Entry> {
        let mut batch = Vec::new();
        let (mut is_held_for_long, mut has_ended) = (false, false);
        let mut hold = pin!(sleep(LONGEST_HOLD));
        loop {
            let is_full = batch.len() == LARGEST_BATCH;
            let is_enough = is_full || batch.len() >= busy.deliveries.max(1) || is_held_for_long || has_ended;
            if is_enough && !free.is_empty() {
                return batch;
            }
            let is_empty = batch.is_empty();
            tokio::select! {
                biased;
                // The one that was busy last comes first: at rest it is always the same.
                Some(writer) = busy.next() => free.push(writer),
                count = self.drain(&mut batch), if !is_full && !has_ended => has_ended = count == 0,
                () = &mut hold, if !is_empty && !is_held_for_long => is_held_for_long = true,
            }
            if is_empty {
                hold.as_mut().reset(Instant::now() + LONGEST_HOLD);
            }
        }
    }

    /// Waits for deliveries, and takes those that are there. How many; none once it is stopped and empty.
    async fn drain(&mut self, batch: &mut Vec<Entry>) -> usize {
        let room = LARGEST_BATCH - batch.len();
        loop {
            tokio::select! {
                biased;
                _ = &mut self.stop, if !self.stop.is_terminated() => self.entries.close(),
                count = self.entries.recv_many(batch, room) => return count,
            }
        }
    }
}

/// The batches that are on their way, each with its writer.
pub(super) struct Busy<W> {
    batches: FuturesUnordered<BoxFuture<'static, (W, usize)>>,
    /// How many deliveries they have.
    deliveries: usize,
}

impl<W> Default for Busy<W> {
    fn default() -> Self {
        Self { batches: FuturesUnordered::new(), deliveries: 0 }
    }
}

impl<W: 'static> Busy<W> {
    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.batches.is_empty()
    }

    /// Takes a batch of so many deliveries on. Its writer is free when it ends.
    pub fn push(&mut self, deliveries: usize, batch: impl Future<Output = W> + Send + 'static) {
        self.deliveries += deliveries;
        self.batches.push(batch.map(move |writer| (writer, deliveries)).boxed());
    }

    /// The writer of the batch that ends next, or none where none is on its way.
    pub async fn next(&mut self) -> Option<W> {
        let (writer, deliveries) = self.batches.next().await?;
        self.deliveries -= deliveries;
        Some(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use mojito_schema::{Content, EventKind, Fingerprint, Utc};
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// A queue with the end that deliveries are put in at.
    fn queue() -> (impl Fn(usize), Queue, oneshot::Sender<()>) {
        let (sender, entries) = mpsc::channel(1024);
        let (stop, stopped) = oneshot::channel();
        let room = Arc::new(Semaphore::new(1024));
        let put = move |count| {
            for _ in 0..count {
                let room = Arc::clone(&room).try_acquire_owned().expect("there is room");
                let entry = Entry { delivery: delivery(), answer: oneshot::channel().0, room };
                assert!(sender.try_send(entry).is_ok());
            }
        };
        (put, Queue { entries, stop: stopped }, stop)
    }

    fn delivery() -> NewDelivery {
        let event = EventKind::Unknown;
        NewDelivery {
            endpoint: "default".to_owned(),
            secret_id: "only".to_owned(),
            event,
            fingerprint: Fingerprint::of("default", event, b"-"),
            received_at: Utc::now(),
            body: b"-".to_vec(),
            content: Content::Unusable { result_id: None },
            findings: Vec::new(),
            message_id: None,
            awaited_until: None,
        }
    }

    /// One writer that is free, beside one that has a batch of so many on its way for ever.
    fn beside(deliveries: usize) -> (Vec<&'static str>, Busy<&'static str>) {
        let mut busy = Busy::default();
        busy.push(deliveries, pending());
        (vec!["free"], busy)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_is_taken_at_once_where_nothing_is_on_its_way() {
        let (put, mut queue, _stop) = queue();
        let began = Instant::now();
        put(3);

        let batch = queue.next_batch(&mut vec!["free"], &mut Busy::default()).await;

        assert_eq!((batch.len(), began.elapsed()), (3, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_are_gathered_as_are_on_their_way() {
        let (put, mut queue, _stop) = queue();
        let (mut free, mut busy) = beside(3);
        put(2);
        let mut batch = pin!(queue.next_batch(&mut free, &mut busy));

        let early = batch.as_mut().now_or_never();
        put(2);
        let batch = batch.now_or_never();

        assert!(early.is_none());
        assert_eq!(batch.map(|batch| batch.len()), Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_batch_lets_go_what_was_gathered() {
        let (put, mut queue, _stop) = queue();
        let (mut free, mut busy) = (vec!["free"], Busy::default());
        let (end, ended) = oneshot::channel();
        busy.push(3, ended.map(|_: Result<(), _>| "busy"));
        put(1);
        let mut batch = pin!(queue.next_batch(&mut free, &mut busy));
        let early = batch.as_mut().now_or_never();

        end.send(()).expect("it is waited for");
        let batch = batch.now_or_never().map(|batch| batch.len());

        assert!(early.is_none());
        assert_eq!(batch, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_stands_still_holds_nobody_up_for_long() {
        let (put, mut queue, _stop) = queue();
        let (mut free, mut busy) = beside(200);
        let began = Instant::now();
        put(1);

        let batch = timeout(10 * LONGEST_HOLD, queue.next_batch(&mut free, &mut busy)).await;

        assert_eq!((batch.map(|batch| batch.len()), began.elapsed()), (Ok(1), LONGEST_HOLD));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_when_it_is_stopped_is_not_held() {
        let (put, mut queue, stop) = queue();
        let (mut free, mut busy) = beside(200);
        put(300);
        stop.send(()).expect("the queue listens");

        let full = queue.next_batch(&mut free, &mut busy).await;
        let rest = queue.next_batch(&mut free, &mut busy).now_or_never().map(|batch| batch.len());
        let nothing = queue.next_batch(&mut free, &mut busy).now_or_never().map(|batch| batch.len());

        assert_eq!((full.len(), rest, nothing), (LARGEST_BATCH, Some(44), Some(0)));
    }
}
