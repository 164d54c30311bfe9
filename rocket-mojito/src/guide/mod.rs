//! The guide: a chapter for each question of a host's author or operator. The code in it is compiled by the tests.
//!
//! | chapter | about |
//! | --- | --- |
//! | [`your_database`] | an existing application with its own Diesel pool and migrations |
//! | [`handlers`] | handlers that write, that call others, and what they may do to their connection |
//! | [`results`] | the state of results, with Diesel |
//! | [`testing`] | tests of a handler and of a whole host |
//! | [`settings`] | every setting |
//! | [`secrets`] | rotation, merchants and environments |
//! | [`gateways`] | signatures of a gateway |
//! | [`answers`] | paths, events and statuses |
//! | [`proxy`] | what a proxy has to do, and what Rocket decides first |
//! | [`container`] | signals, users, volumes, memory |
//! | [`processes`] | many processes on one database |
//! | [`to_postgres`] | the copy of an inbox from SQLite into Postgres |
//! | [`operate`] | alarms, log lines, the disk, the clock |
//! | [`failures`] | discarded and quarantined deliveries, replays, handlers that come and go |
//! | [`terminal`] | the command line |
//! | [`night`] | a night with four accidents, command by command |
//! | [`retention`] | retention, and the erasure of a person |
//! | [`backups`] | backups, and restores to an earlier time |
//! | [`upgrading`] | a newer version |

#[doc = include_str!("../../guide/your_database.md")]
pub mod your_database {}
#[doc = include_str!("../../guide/handlers.md")]
pub mod handlers {}
#[doc = include_str!("../../guide/results.md")]
pub mod results {}
#[doc = include_str!("../../guide/testing.md")]
pub mod testing {}
#[doc = include_str!("../../guide/settings.md")]
pub mod settings {}
#[doc = include_str!("../../guide/secrets.md")]
pub mod secrets {}
#[doc = include_str!("../../guide/gateways.md")]
pub mod gateways {}
#[doc = include_str!("../../guide/answers.md")]
pub mod answers {}
#[doc = include_str!("../../guide/proxy.md")]
pub mod proxy {}
#[doc = include_str!("../../guide/container.md")]
pub mod container {}
#[doc = include_str!("../../guide/processes.md")]
pub mod processes {}
#[doc = include_str!("../../guide/to_postgres.md")]
pub mod to_postgres {}
#[doc = include_str!("../../guide/operate.md")]
pub mod operate {}
#[doc = include_str!("../../guide/failures.md")]
pub mod failures {}
#[doc = include_str!("../../guide/terminal.md")]
pub mod terminal {}

#[doc = include_str!("../../guide/night.md")]
pub mod night {}
#[doc = include_str!("../../guide/retention.md")]
pub mod retention {}
#[doc = include_str!("../../guide/backups.md")]
pub mod backups {}
#[doc = include_str!("../../guide/upgrading.md")]
pub mod upgrading {}
