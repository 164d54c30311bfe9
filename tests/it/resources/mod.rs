//! Many clients, slow ones and large bodies: memory stays flat, and good requests stay fast.
//!
//! The host is a process of its own, so that what it holds can be read off the kernel.

mod attack;
mod bodies;
mod clients;
mod shapes;
mod strangers;
