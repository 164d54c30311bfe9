use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What processes work on: a database, and a folder for what they leave behind.
pub(crate) trait TestDatabase {
    /// The database's URL.
    fn url(&self) -> String;

    /// The folder.
    fn folder(&self) -> &Path;

    /// The file that processes write their journal to.
    fn journal(&self) -> PathBuf {
        self.folder().join("journal")
    }
}

impl<G: TestDatabase> TestDatabase for Arc<G> {
    fn url(&self) -> String {
        (**self).url()
    }

    fn folder(&self) -> &Path {
        (**self).folder()
    }
}
