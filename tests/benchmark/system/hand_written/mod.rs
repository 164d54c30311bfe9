//! What a competent engineer writes without the plugin: a commit per request, and as durable.

mod pool;
pub(crate) mod postgres;
mod rows;
pub(crate) mod sqlite;

use self::pool::connections;
