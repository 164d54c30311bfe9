//! What a delivery means for its result, against an oracle.

mod parallel;
mod properties;
