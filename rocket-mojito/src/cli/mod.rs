//! The command line for operators: in the host by [`run`], or as the program `rocket-mojito` on the database alone.
//!
//! Every command is a call of [`Inbox`](crate::Inbox) and a print of its answer. `--json` prints one JSON document a
//! line. Personal data is printed only by `show --reveal` and `rehearse --reveal`, which the audit keeps.
//!
//! | exit code | says |
//! | --- | --- |
//! | 0 | done |
//! | 1 | a part of it failed, or `doctor` warns |
//! | 2 | the usage is wrong, or something is broken |
//! | 3 | cancelled |

mod alone;
mod arguments;
mod audit;
mod cancel;
mod consent;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod copy;
mod deliveries;
mod discard;
mod dismiss;
mod doctor;
mod drift;
mod erase;
mod errors;
mod exit;
mod filters;
mod history;
mod host;
mod migrate;
mod output;
mod pause;
mod progress;
mod prune;
mod rehearse;
mod replay;
mod resend;
mod retire;
mod rows;
mod secret;
mod sending;
mod shell;
mod show;
mod simulate;
mod status;
mod stored;
mod target;
mod trigger;
mod work;

pub use self::alone::main;
pub(crate) use self::host::Command;
pub use self::host::run;
