//! Tests of a host's handlers and routes, without sockets, sleeps and copies of the plugin's rules.
//!
//! The feature `testing` adds this module. It switches nothing off: a delivery without the right secret is refused
//! here too.
//!
//! # Test your host
//!
//! Enable the feature for tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! rocket-mojito = { version = "0.1", features = ["testing"] }
//! ```
//!
//! | to test | take |
//! | --- | --- |
//! | a function of an event | [`Event::example`], with a setter for each field; [`Event::from_json`](crate::Event::from_json) |
//! | one attempt of a handler, its effect and its fate | [`perform`], on a [`TestDatabase`] |
//! | a whole host: secrets, routes, retries, replays, a death of the process | [`TestInbox`] |
//! | that a handler's effect is exactly once | [`check`] |
//!
//! [`Event::example`]: crate::Event::example
//!
//! A first test:
//!
//! ```
//! use rocket_mojito::diesel::sql_query;
//! use rocket_mojito::diesel_async::{RunQueryDsl, SimpleAsyncConnection};
//! use rocket_mojito::testing::{TestDatabase, perform};
//! use rocket_mojito::{Context, Event, EventKind, HandlerError, HandlerResult, MojitoHandler, Sqlite};
//!
//! struct HiringDesk;
//!
//! #[rocket::async_trait]
//! impl MojitoHandler<Sqlite> for HiringDesk {
//!     async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
//!         if event.payload().score.is_none() {
//!             return Err(HandlerError::discard("a result without a score"));
//!         }
//!         let tx = cx.transaction().await?;
//!         sql_query("INSERT INTO offers DEFAULT VALUES").execute(tx).await?;
//!         Ok(())
//!     }
//! }
//!
//! # #[rocket::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut database = TestDatabase::<Sqlite>::in_memory().await?;
//! database.connection().await?.batch_execute("CREATE TABLE offers (id INTEGER PRIMARY KEY)").await?;
//!
//! let scored = Event::example(EventKind::InterviewResult).score(4.2).build();
//! let unscored = Event::example(EventKind::InterviewResult).null(rocket_mojito::Field::Score).build();
//!
//! assert!(perform(&HiringDesk, &scored, &mut database).await?.is_completed());
//! assert!(perform(&HiringDesk, &unscored, &mut database).await?.is_discarded());
//! # Ok(())
//! # }
//! ```
//!
//! `examples/testing_a_handler.rs`, beside this crate's manifest, shows the rest in one file.

mod answer;
mod check;
mod database;
mod example;
mod inbox;
mod mark;
mod perform;
mod quarantined;
mod snapshot;
mod violation;

pub use self::answer::Answer;
pub use self::check::check;
pub use self::database::TestDatabase;
pub use self::example::ExampleEvent;
pub use self::inbox::TestInbox;
pub(crate) use self::mark::Testing;
pub use self::perform::perform;
pub use self::quarantined::Quarantined;
pub use self::violation::{CheckError, Disturbance, Violation};
pub use crate::dispatch::Performed;
