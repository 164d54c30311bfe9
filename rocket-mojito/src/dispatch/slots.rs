use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The limit of concurrent attempts, and a notification for each attempt that ends.
#[derive(Clone)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    count: u32,
    ended: Arc<Notify>,
}

impl Slots {
    pub fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(count as usize)), count, ended: Arc::default() }
    }

    /// Waits until no attempt runs.
    pub async fn all_ended(&self) {
        let _all = self.free.acquire_many(self.count).await;
    }

    /// The number of attempts that can begin.
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Waits until an attempt has ended. Dropping the future loses no end.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    pub fn take(&self) -> Slot {
        let permit = Arc::clone(&self.free).try_acquire_owned().expect("no more were claimed than are free");
        Slot { permit: Some(permit), ended: Arc::clone(&self.ended) }
    }
}

/// The right to run one attempt. Its drop notifies the executor, however the attempt ended.
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    ended: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.permit = None;
        self.ended.notify_one();
    }
}
