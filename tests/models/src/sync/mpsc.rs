//! See tokio's.

use real_tokio::sync::mpsc as real;

use crate::step;

/// See tokio's.
pub struct Sender<T>(real::Sender<T>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// See tokio's.
pub struct Receiver<T>(real::Receiver<T>);

/// See tokio's.
pub fn channel<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel(room);
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub fn try_send(&self, message: T) -> Result<(), real::error::TrySendError<T>> {
        step();
        self.0.try_send(message)
    }
}

impl<T> Receiver<T> {
    /// See tokio's.
    pub async fn recv_many(&mut self, messages: &mut Vec<T>, most: usize) -> usize {
        step();
        self.0.recv_many(messages, most).await
    }

    /// See tokio's.
    pub fn close(&mut self) {
        step();
        self.0.close();
    }
}

/// See tokio's.
pub struct UnboundedSender<T>(real::UnboundedSender<T>);

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// See tokio's.
pub struct UnboundedReceiver<T>(real::UnboundedReceiver<T>);

/// See tokio's.
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = real::unbounded_channel();
    (UnboundedSender(sender), UnboundedReceiver(receiver))
}

impl<T> UnboundedSender<T> {
    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub fn send(&self, message: T) -> Result<(), real::error::SendError<T>> {
        step();
        self.0.send(message)
    }
}

impl<T> UnboundedReceiver<T> {
    /// See tokio's.
    pub async fn recv(&mut self) -> Option<T> {
        step();
        self.0.recv().await
    }
}
