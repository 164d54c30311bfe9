//! Power cuts, and disks that fail, fill up, slow down or vanish, under SQLite.
//!
//! They need disks of their own, which only the superuser can mount. A machine that does not let them fails them.

mod busy;
mod calls;
mod failing;
mod full;
mod gone;
mod linked;
mod named;
mod power;
mod reader;
mod settings;
mod slow;
mod wal;
