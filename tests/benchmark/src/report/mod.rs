//! What is said about what was measured.

mod bars;
mod document;
mod plot;
mod spread;
mod summary;
mod table;

pub(crate) use self::bars::bars;
pub(crate) use self::document::write;
use self::plot::plot;
pub(crate) use self::spread::Spread;
pub(crate) use self::summary::summary;
use self::table::Table;
