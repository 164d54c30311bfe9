use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;

/// The most bytes that are read or written at once.
pub(super) const CHUNK: usize = 256 << 10;

/// The alignment of position, length and memory, for every disk there is.
pub(super) const BLOCK: usize = 4096;

/// A file as its disk holds it, read from its beginning: the system's cache is passed by.
pub(super) struct Uncached {
    file: File,
    /// Longer than a chunk by the most that its alignment may take.
    memory: Vec<u8>,
    unread: Range<usize>,
    has_ended: bool,
}

impl Uncached {
    /// # Errors
    ///
    /// When the file system or the operating system has no way past the cache: `InvalidInput` or `Unsupported`.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: open(path)?, memory: vec![0; CHUNK + BLOCK], unread: 0..0, has_ended: false })
    }

    /// Writes up to a chunk from the beginning of a block, with zeros to the end of the last block. Reads it back from
    /// the disk: the cache does not hold it any more.
    ///
    /// # Errors
    ///
    /// The disk's errors; also where the disk did not keep the written bytes.
    pub fn write(&mut self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let start = self.memory.as_ptr().align_offset(BLOCK);
        let blocks = &mut self.memory[start..start + bytes.len().next_multiple_of(BLOCK)];
        blocks.fill(0);
        blocks[..bytes.len()].copy_from_slice(bytes);
        self.file.seek(SeekFrom::Start(position))?;
        self.file.write_all(blocks)?;
        self.file.seek(SeekFrom::Start(position))?;
        self.file.read_exact(blocks)?;
        if blocks[..bytes.len()] == *bytes { Ok(()) } else { Err(io::Error::other("the disk did not keep it")) }
    }

    fn read_chunk(&mut self) -> io::Result<()> {
        let start = self.memory.as_ptr().align_offset(BLOCK);
        let length = self.file.read(&mut self.memory[start..start + CHUNK])?;
        self.unread = start..start + length;
        // A later read from there would not be at a multiple of a block any more.
        self.has_ended = length < CHUNK;
        Ok(())
    }
}

impl Read for Uncached {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() && !self.has_ended {
            self.read_chunk()?;
        }
        let length = (&self.memory[self.unread.clone()]).read(room)?;
        self.unread.start += length;
        Ok(length)
    }
}

#[cfg(target_os = "linux")]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).write(true).custom_flags(libc::O_DIRECT).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let written: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            std::fs::write(file.path(), &written).unwrap();
            let mut read = Vec::new();

            Uncached::open(file.path()).unwrap().read_to_end(&mut read).unwrap();

            assert!(read == written, "{length} bytes");
        }
    }

    #[test]
    fn what_is_written_from_a_block_on_is_there_for_everybody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 2 * BLOCK + 7]).unwrap();

        Uncached::open(file.path()).unwrap().write(BLOCK as u64, &[2; BLOCK + 7]).unwrap();

        let expected = [vec![1; BLOCK], vec![2; BLOCK + 7], vec![0; BLOCK - 7]].concat();
        assert!(std::fs::read(file.path()).unwrap() == expected);
    }
}
