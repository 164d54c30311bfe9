//! The hiring desk: candidates and their interview results, live, on top of `rocket-mojito`.
//!
//! ```text
//! JobMojito ── webhook ── rocket-mojito ── HiringDesk ── applications, timeline, notices
//!                                                                │
//!                         browser ── pages, data, live updates ──┘
//! ```

mod access;
mod database;
mod environment;
mod handler;
mod launch;
mod moment;
mod notice;
mod pages;
mod same_site;
mod score;
mod secret;
mod stage;
mod tables;
mod visitor;
mod watcher;
mod words;

pub use self::environment::Environment;
pub use self::launch::{figment, rocket};
