//! What many clients, slow ones and large bodies may cost: memory that stays flat, and good requests that stay fast.
//!
//! The host is a process of its own, so that what it holds can be read off the kernel.

mod attack;
mod bodies;
mod clients;
mod shapes;
mod strangers;
