//! Receives the webhooks of JobMojito inside a Rocket application, and never loses one.

mod config;
mod dispatch;
mod error;
mod event;
mod fairing;
mod inbox;
mod ingress;
mod operation;
pub mod pool;
mod routes;
mod store;

#[cfg(feature = "sqlite")]
pub use mojito_schema::Sqlite;
pub use mojito_schema::{
    Backend, Backlog, Erased, EventKind, Field, Finding, FindingCode, Person, Selection, Standing, State, Utc,
};

pub use self::config::{EndpointConfig, MojitoConfig, SecretConfig};
pub use self::dispatch::{Context, HandlerError, HandlerResult, MojitoHandler};
pub use self::error::Error;
pub use self::event::{
    Event, Extra, InterviewStatus, Number, Payload, Presence, ProcessingStatus, Reasons, ResultStatus,
};
pub use self::fairing::MojitoFairing;
pub use self::inbox::Inbox;
pub use self::ingress::{MojitoEvent, Receipt, Rejection};
pub use self::operation::{Actor, Pruned, Replay, Replayed};
