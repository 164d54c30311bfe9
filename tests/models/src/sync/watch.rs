//! See tokio's.

use real_tokio::sync::watch as real;

use crate::step;

/// See tokio's.
#[derive(Clone)]
pub struct Sender<T>(real::Sender<T>);

/// See tokio's.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel(value);
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// See tokio's.
    pub fn new(value: T) -> Self {
        Self(real::Sender::new(value))
    }

    /// See tokio's.
    pub fn send_replace(&self, value: T) -> T {
        step();
        self.0.send_replace(value)
    }

    /// See tokio's.
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        step();
        self.0.send_modify(modify);
    }

    /// See tokio's.
    pub fn subscribe(&self) -> Receiver<T> {
        step();
        Receiver(self.0.subscribe())
    }
}

/// See tokio's.
#[derive(Clone)]
pub struct Receiver<T>(real::Receiver<T>);

impl<T> Receiver<T> {
    /// See tokio's.
    pub fn borrow_and_update(&mut self) -> real::Ref<'_, T> {
        step();
        self.0.borrow_and_update()
    }

    /// See tokio's.
    pub fn mark_changed(&mut self) {
        self.0.mark_changed();
    }

    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub async fn changed(&mut self) -> Result<(), real::error::RecvError> {
        step();
        self.0.changed().await
    }

    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub async fn wait_for(
        &mut self,
        holds: impl FnMut(&T) -> bool,
    ) -> Result<real::Ref<'_, T>, real::error::RecvError> {
        step();
        self.0.wait_for(holds).await
    }
}
