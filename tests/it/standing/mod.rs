//! The standing of a delivery for its result, against an oracle.

mod parallel;
mod properties;
