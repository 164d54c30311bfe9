//! The routes for a browser, a script and a monitor.

mod assets;
mod attention;
mod candidate;
mod candidates;
mod data;
mod errors;
mod events;
mod headers;
mod health;
mod history;
mod labels;
mod reasons;
mod routes;

pub(crate) use self::headers::Headers;
pub(crate) use self::routes::{catchers, routes};
