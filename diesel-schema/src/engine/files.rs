use std::convert::Infallible;
use std::future::Future;

use diesel::QueryResult;

use crate::FilesChanged;

/// The open files of an embedded database: the database itself and its WAL.
pub trait OpenFiles: Send + Sync + 'static {
    /// The change of the files, if a commit would not be where the next process looks for it. Cheap: this check
    /// precedes every answer.
    fn changed(&self) -> Option<FilesChanged>;

    /// A danger that an operator should know of before it does harm. The commits of this moment are still where they
    /// belong.
    fn warning(&self) -> Option<&'static str>;

    /// Waits until all earlier commits are on the disk. Only then are a verb's writes durable on a connection that was
    /// opened [for verbs](crate::Open::ForVerbs). Others may write meanwhile.
    ///
    /// # Errors
    ///
    /// The disk's errors. Afterwards nobody knows the disk's contents until the WAL is [persisted](Self::persist_wal).
    ///
    /// # Cancellation
    ///
    /// Changes nothing: the fsync goes on.
    fn sync_wal(&self) -> impl Future<Output = QueryResult<()>> + Send;

    /// Makes sure that the whole WAL is on the disk, even while others read it.
    ///
    /// After a failed fsync nobody knows how much of the WAL is on the disk. Frames behind a gap are lost at a power
    /// cut.
    fn persist_wal(&self) -> impl Future<Output = QueryResult<()>> + Send;

    /// Checkpoints the WAL into the database itself, without waiting for anybody: a deleted WAL is gone with the last
    /// connection. `false` where somebody still reads the WAL.
    fn checkpoint(&self) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Checkpoints the WAL while others write, if enough was written since the last time. Nobody waits for it, except
    /// for the disk.
    fn checkpoint_beside_writers(&self) -> impl Future<Output = QueryResult<()>> + Send;

    /// Checkpoints the WAL if it has grown long, and gives its bytes back. `false` where somebody still reads it.
    fn checkpoint_if_long(&self) -> impl Future<Output = QueryResult<bool>> + Send;
}

impl OpenFiles for Infallible {
    fn changed(&self) -> Option<FilesChanged> {
        match *self {}
    }

    fn warning(&self) -> Option<&'static str> {
        match *self {}
    }

    async fn sync_wal(&self) -> QueryResult<()> {
        match *self {}
    }

    async fn persist_wal(&self) -> QueryResult<()> {
        match *self {}
    }

    async fn checkpoint(&self) -> QueryResult<bool> {
        match *self {}
    }

    async fn checkpoint_beside_writers(&self) -> QueryResult<()> {
        match *self {}
    }

    async fn checkpoint_if_long(&self) -> QueryResult<bool> {
        match *self {}
    }
}
