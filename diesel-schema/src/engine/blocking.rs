use std::cell::Cell;

thread_local! {
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Says that no other task waits for this thread: a database's call in place keeps it, and no other thread takes over
/// from it. With each takeover another thread began to take part in all that the runtime does, with memory of its own.
pub fn let_thread_block() {
    MAY_BLOCK.set(true);
}

/// Whether this thread may block.
#[cfg(feature = "sqlite")]
pub(crate) fn may_thread_block() -> bool {
    MAY_BLOCK.get()
}
