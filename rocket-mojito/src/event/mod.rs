//! The content of a delivery: typed, total, and without loss.
//!
//! Reading an authentic body never fails. It yields a [`Payload`] with findings, or the one finding for which the
//! delivery is quarantined.

mod body;
mod changes;
mod classify;
mod drift;
#[expect(clippy::module_inception, reason = "the noun of this folder")]
mod event;
mod extra;
mod number;
mod object;
mod payload;
mod presence;
mod reasons;
mod status;
mod text;
mod value;

pub(crate) use self::body::ParsedBody;
pub(crate) use self::classify::classify;
pub(crate) use self::drift::DriftCount;
pub use self::drift::{Difference, Drift, DriftKind};
pub use self::event::Event;
pub use self::extra::Extra;
pub use self::number::Number;
pub use self::payload::Payload;
pub use self::presence::Presence;
pub use self::reasons::Reasons;
pub use self::status::{InterviewStatus, ProcessingStatus, ResultStatus};
