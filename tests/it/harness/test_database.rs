use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The database that processes work on, and a folder for their journal and their logs.
pub(crate) trait TestDatabase {
    /// The database's URL.
    fn url(&self) -> String;

    /// The folder.
    fn folder(&self) -> &Path;

    /// The rows of a query with one column of text, `value`.
    async fn query(&self, query: &str) -> Vec<String>;

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

    async fn query(&self, query: &str) -> Vec<String> {
        (**self).query(query).await
    }
}
