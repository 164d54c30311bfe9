//! tokio's primitives themselves. Before each call any other task may go on.

use std::sync::Arc;

use real_tokio::sync as real;

use crate::step;

pub mod mpsc;
pub mod oneshot;
pub mod watch;

/// See tokio's.
#[derive(Default)]
pub struct Notify(real::Notify);

impl Notify {
    /// See tokio's.
    pub fn notify_one(&self) {
        step();
        self.0.notify_one();
    }

    /// See tokio's.
    pub async fn notified(&self) {
        step();
        self.0.notified().await;
    }
}

/// See tokio's.
pub struct Semaphore(Arc<real::Semaphore>);

impl Semaphore {
    /// See tokio's.
    pub fn new(permits: usize) -> Self {
        Self(Arc::new(real::Semaphore::new(permits)))
    }

    /// See tokio's.
    pub fn available_permits(&self) -> usize {
        step();
        self.0.available_permits()
    }

    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub async fn acquire_many(&self, permits: u32) -> Result<real::SemaphorePermit<'_>, real::AcquireError> {
        step();
        self.0.acquire_many(permits).await
    }

    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, real::TryAcquireError> {
        step();
        Arc::clone(&self.0).try_acquire_owned().map(OwnedSemaphorePermit)
    }
}

/// See tokio's.
pub struct OwnedSemaphorePermit(real::OwnedSemaphorePermit);

impl OwnedSemaphorePermit {
    /// See tokio's.
    pub fn num_permits(&self) -> usize {
        self.0.num_permits()
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        step();
    }
}
