//! See tokio's.

use std::pin::Pin;
use std::task::{Context, Poll};

use real_tokio::sync::oneshot as real;

use crate::step;

/// See tokio's.
pub struct Sender<T>(real::Sender<T>);

/// See tokio's.
pub struct Receiver<T>(real::Receiver<T>);

/// See tokio's.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel();
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// See tokio's.
    ///
    /// # Errors
    ///
    /// See tokio's.
    pub fn send(self, value: T) -> Result<(), T> {
        step();
        self.0.send(value)
    }
}

impl<T> Receiver<T> {
    /// See tokio's.
    pub fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, real::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        step();
        Pin::new(&mut self.0).poll(context)
    }
}
