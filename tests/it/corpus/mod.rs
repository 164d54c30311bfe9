//! The corpus of bad input, row by row, over real sockets.
//!
//! | rows | what goes wrong | where |
//! | --- | --- | --- |
//! | H01 to H42 | the request | `requests` |
//! | J01 to J30 | the body | `content`, on each database |
//!
//! Rows that Rocket decides before the plugin sees anything are pinned as they are: a release of Rocket that decides
//! otherwise is noticed here.

mod content;
mod requests;
mod rows;

pub(crate) use self::content::bodies;
pub(crate) use self::requests::connections;
