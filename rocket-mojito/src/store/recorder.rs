use std::array;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use mojito_schema::{Backend, HandlerSpec, NewDelivery, Recorded, Utc, failpoint};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::queue::{Busy, Entry, Queue};
use super::{Database, Link, Signal, Unavailable};

/// How many deliveries may wait, whatever their size.
const LONGEST_QUEUE: usize = 4096;

/// How many batches are on their way at once: while one waits for the disk, the other is written.
const BATCHES: usize = 2;

/// The task that records: drains what waits, writes it in one transaction, answers all of it.
///
/// No timer makes it wait: a delivery that comes alone is written at once.
pub(crate) struct Recorder {
    queue: mpsc::Sender<Entry>,
    room: Arc<Semaphore>,
    room_size: u32,
}

impl Recorder {
    /// Starts the task. It ends, with the queue drained, when it is stopped or the recorder is dropped.
    pub fn start<B: Backend>(
        database: &Arc<Database<B>>,
        handlers: &Arc<Vec<HandlerSpec>>,
        signal: &Signal,
        queue_limit: u64,
        patience: Duration,
    ) -> (Self, Recording) {
        let (queue, entries) = mpsc::channel(LONGEST_QUEUE);
        let (stop, stopped) = oneshot::channel();
        // A semaphore holds less than `usize::MAX` permits, and more than fits a `u32`.
        let room_size = u32::try_from(queue_limit).unwrap_or(u32::MAX);
        let recorder = Self { queue, room: Arc::new(Semaphore::new(room_size as usize)), room_size };
        let writers = Links::for_batches(database).map(|links| Writer {
            links,
            handlers: Arc::clone(handlers),
            signal: signal.clone(),
            patience,
        });
        let queue = Queue { entries, stop: stopped };
        (recorder, Recording { stop, task: tokio::spawn(record(queue, writers.into())) })
    }

    /// Queues a delivery. What comes back resolves once it is committed, or is not.
    ///
    /// # Errors
    ///
    /// When the queue is full, or closed.
    ///
    /// # Cancellation
    ///
    /// Dropping the receiver cancels nothing: the delivery is recorded.
    pub fn submit(
        &self,
        delivery: NewDelivery,
    ) -> Result<oneshot::Receiver<Result<Recorded, Unavailable>>, Unavailable> {
        // A body larger than the whole queue still gets in when it is alone.
        let size = u32::try_from(delivery.body.len()).unwrap_or(u32::MAX).clamp(1, self.room_size);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(|_| Unavailable::QueueFull)?;
        let (answer, receiver) = oneshot::channel();
        match self.queue.try_send(Entry { delivery, answer, room }) {
            Ok(()) => Ok(receiver),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Unavailable::QueueFull),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Unavailable::Stopping),
        }
    }
}

/// The running task of a [`Recorder`].
pub(crate) struct Recording {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Recording {
    /// Lets nothing more in, and returns when what waits is answered, or `patience` is over.
    pub async fn stop(self, patience: Duration) {
        let _ = self.stop.send(());
        if tokio::time::timeout(patience, self.task).await.is_err() {
            tracing::error!("deliveries were still waiting when the time to stop was over; none was acknowledged");
        }
    }
}

/// What a batch is written on.
struct Links<B: Backend> {
    /// For a delivery beside which nothing else is on its way: nobody is kept waiting, so it is written in one step.
    alone: Arc<Mutex<Link<B>>>,
    /// While what was written here goes to the disk, the next batch is written.
    together: Arc<Mutex<Link<B>>>,
}

impl<B: Backend> Links<B> {
    /// Where only one can write at a time they share: what one connection has read of the database is of no use once
    /// another one has written.
    fn for_batches(database: &Arc<Database<B>>) -> [Self; BATCHES] {
        let shared = |link| Arc::new(Mutex::new(link));
        match B::SINGLE_WRITER {
            true => {
                let alone = shared(Link::that_waits(Arc::clone(database)));
                let together = shared(Link::new(Arc::clone(database)));
                array::from_fn(|_| Self { alone: Arc::clone(&alone), together: Arc::clone(&together) })
            }
            false => array::from_fn(|_| {
                let own = shared(Link::new(Arc::clone(database)));
                Self { alone: Arc::clone(&own), together: own }
            }),
        }
    }
}

/// Writes one batch at a time.
struct Writer<B: Backend> {
    links: Links<B>,
    handlers: Arc<Vec<HandlerSpec>>,
    signal: Signal,
    patience: Duration,
}

impl<B: Backend> Writer<B> {
    /// Records a batch and answers it.
    async fn finish(self, batch: Vec<Entry>, is_alone: bool) -> Self {
        let (deliveries, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|entry| (entry.delivery, (entry.answer, entry.room))).unzip();
        let count = deliveries.len();
        // A defect of ours must not silence the recorder.
        let outcomes = AssertUnwindSafe(self.record(deliveries, is_alone)).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(count, "the recorder panicked over a batch");
            vec![Err(Unavailable::Database); count]
        });
        self.signal.notify();
        for ((answer, _room), outcome) in answers.into_iter().zip(outcomes) {
            // Nobody listens where the client has gone, or the deadline has passed: it is recorded all the same.
            let _ = answer.send(outcome);
        }
        self
    }

    async fn record(&self, deliveries: Vec<NewDelivery>, is_alone: bool) -> Vec<Result<Recorded, Unavailable>> {
        let batch = Arc::new(deliveries);
        let link = if is_alone { &self.links.alone } else { &self.links.together };
        match self.write(link, Arc::clone(&batch)).await {
            Ok(recorded) => recorded.into_iter().map(Ok).collect(),
            Err(unavailable) if batch.len() == 1 => vec![Err(unavailable)],
            // It may be stored: recorded once more, what was replaced within the batch would be a change back.
            Err(Unavailable::Unknown) => vec![Err(Unavailable::Unknown); batch.len()],
            Err(_) => self.record_one_by_one(Arc::unwrap_or_clone(batch)).await,
        }
    }

    /// After a batch has failed: one bad delivery must not refuse its neighbours. When it is the database that is
    /// down, there is no use in asking it for every one of them: nobody waits any more.
    async fn record_one_by_one(&self, batch: Vec<NewDelivery>) -> Vec<Result<Recorded, Unavailable>> {
        let began = Instant::now();
        let mut outcomes = Vec::with_capacity(batch.len());
        for delivery in batch {
            if began.elapsed() > self.patience {
                outcomes.push(Err(Unavailable::Database));
                continue;
            }
            let outcome = self.write(&self.links.together, Arc::new(vec![delivery])).await;
            outcomes.push(outcome.map(|recorded| recorded[0]));
        }
        outcomes
    }

    async fn write(&self, link: &Mutex<Link<B>>, batch: Arc<Vec<NewDelivery>>) -> Result<Vec<Recorded>, Unavailable> {
        const FAILURE: &str = "a batch was not recorded";
        let handlers = Arc::clone(&self.handlers);
        let mut link = link.lock().await;
        let committed = link.commit(FAILURE, |c| B::record(c, batch, handlers, Utc::now()).boxed()).await?;
        drop(link);
        let recorded = committed.durable(FAILURE).await?;
        failpoint::reach("record.committed");
        Ok(recorded)
    }
}

/// Hands batch by batch to a writer that is free, until the queue is stopped and empty.
async fn record<B: Backend>(mut queue: Queue, mut free: Vec<Writer<B>>) {
    let mut busy = Busy::default();
    loop {
        let batch = queue.next_batch(&mut free, &mut busy).await;
        let Some(writer) = free.pop().filter(|_| !batch.is_empty()) else { break };
        let is_alone = batch.len() == 1 && busy.is_idle();
        busy.push(batch.len(), writer.finish(batch, is_alone));
    }
    while busy.next().await.is_some() {}
}
