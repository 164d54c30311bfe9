/// How a connection is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// The database may be created, where it is a file.
    Create,
    /// The database must exist: a file that vanished under a running process is never replaced by an empty one. Commits
    /// wait for fsync.
    Existing,
    /// As `Existing`, for verbs alone, whose commits leave the fsync to [`sync_wal`](crate::OpenFiles::sync_wal).
    ForVerbs,
}
