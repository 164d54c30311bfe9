/// How a connection is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// The database may be created, where it is a file.
    Create,
    /// The database must be there: one that vanished under a running process is never replaced by an empty one.
    /// Commits wait for the disk.
    Existing,
    /// The same, for verbs alone.
    ForDurableVerbs,
    /// The same, but their commits may leave the waiting to [`sync_wal`](crate::Backend::sync_wal).
    ForVerbs,
}
