//! What must hold for any input, each against an oracle that shares no code with the program.
//!
//! The fuzz targets call these functions with inputs that a fuzzer makes up; `tests/it/fuzzing.rs` calls the same with
//! the saved corpus and with the seeds, in every test run.

mod authentication;
mod json;
pub(crate) mod oracle;
mod parsing;
mod server;
mod signatures;
mod standing;

pub use self::authentication::authentication;
pub use self::parsing::{parsing, text_columns};
pub use self::server::server;
pub use self::signatures::signatures;
pub use self::standing::standing;
