//! The rules that must not differ between databases: plain functions and values, without I/O.

pub(crate) mod batch_plan;
pub(crate) mod clock;
pub(crate) mod delivery;
pub(crate) mod erasure;
pub(crate) mod error_group;
pub(crate) mod errors;
pub(crate) mod fingerprint;
pub(crate) mod listing;
pub(crate) mod operation;
pub(crate) mod overview;
pub(crate) mod owed;
pub(crate) mod rehearsal;
pub(crate) mod selection;
pub(crate) mod verdict;
pub(crate) mod waiting;
