//! The primitives under hand-written waits. `tests/models` compiles the same code on primitives of its own.

pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::AtomicU64;
