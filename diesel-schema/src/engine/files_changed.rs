use std::fmt;

use crate::OpenError;

/// The change of the files under an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesChanged {
    /// No file is at the database's path. The deleted file's data is there for as long as a process has the file open.
    Deleted,
    /// Another file is at the database's path.
    Replaced,
    /// The WAL, or its index, is not there any more.
    WalDeleted,
}

impl fmt::Display for FilesChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => {
                "the SQLite file was deleted or moved away while it was open: bring it back; until this process ends, \
                 what it held can be copied from /proc/<process id>/fd"
            }
            Self::Replaced => {
                "the SQLite file was replaced while it was open, and this process will not write to the other one: stop \
                 it, and start it again on the file that is to stay"
            }
            Self::WalDeleted => {
                "the SQLite file's `-wal` or `-shm` was deleted while it was open: stop this process, which saves what \
                 they held, and start it again"
            }
        })
    }
}

impl From<FilesChanged> for OpenError {
    fn from(files_changed: FilesChanged) -> Self {
        Self::new(files_changed.to_string())
    }
}
