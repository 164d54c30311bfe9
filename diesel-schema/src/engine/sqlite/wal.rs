use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::uncached::{BLOCK, CHUNK, Uncached};
use crate::engine::db_error::LOST_FRAMES;

/// The length of the WAL's header, and of the header of each of its frames.
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The write-ahead log (WAL) as the bytes of a file: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.
///
/// Each frame carries a checksum over itself and all frames before it. So a recovery after a power cut reads up to the
/// first frame that is not as it was written. A reader of the disk can tell how far a recovery will come.
pub(super) struct Wal {
    path: PathBuf,
    file: File,
}

/// How a WAL is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By the system's cache, where a copy stays until the disk has taken it.
    Cache,
    /// Past the cache. ext4 keeps in memory that a block was allocated to be written. Once that write has failed, ext4
    /// never notes on the disk that the block holds anything, however often the cache writes it.
    Disk,
}

/// The part of a WAL that a recovery would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Readable {
    pub frames: u64,
    /// The position at which the last of the frames ends.
    bytes: u64,
}

impl Wal {
    pub fn open(path: &Path) -> io::Result<Self> {
        // SQLite holds no locks on the WAL itself, which closing this file could lose.
        Ok(Self { path: path.to_owned(), file: File::options().read(true).write(true).open(path)? })
    }

    /// The part of the first `frames` that the disk itself holds. `None` where the file system has no way past its
    /// cache.
    ///
    /// # Errors
    ///
    /// The disk's errors.
    pub fn on_disk(&self, frames: u64) -> io::Result<Option<Readable>> {
        // Frames in the disk's own cache are to be durable too.
        self.file.sync_data()?;
        let readable = Uncached::open(&self.path).and_then(|disk| Readable::read(disk, frames));
        match readable {
            Ok(readable) => Ok(Some(readable)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the WAL goes on behind the first `frames`.
    ///
    /// # Errors
    ///
    /// The disk's errors.
    pub fn is_longer(&mut self, frames: u64) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() > self.end_of(frames)?)
    }

    /// Cuts the WAL off behind the first `frames`. The caller holds SQLite's write lock, and nobody reads beyond these
    /// frames.
    ///
    /// # Errors
    ///
    /// The disk's errors; also where the system has given up bytes that it could not write.
    pub fn cut(&mut self, frames: u64) -> io::Result<()> {
        let end = self.end_of(frames)?;
        self.file.set_len(end)
    }

    /// The position at which the first `frames` end, in the cache.
    fn end_of(&mut self, frames: u64) -> io::Result<u64> {
        if frames == 0 {
            return Ok(0);
        }
        self.file.rewind()?;
        match Readable::read(BufReader::new(&self.file), frames)? {
            cached if cached.frames < frames => Err(io::Error::other(LOST_FRAMES)),
            cached => Ok(cached.bytes),
        }
    }

    /// Writes the bytes of the first `frames` that the disk does not hold once more, byte for byte, and syncs them. The
    /// caller holds SQLite's write lock: nobody adds to the WAL meanwhile, and nobody restarts it.
    ///
    /// # Errors
    ///
    /// The disk's errors; also where the system has given up bytes that it could not write.
    pub fn write_again(&mut self, way: Way, held: Option<Readable>, frames: u64) -> io::Result<()> {
        let end = self.end_of(frames)?;
        let mut position = held.map_or(0, |held| held.bytes / BLOCK as u64 * BLOCK as u64);
        while position < end {
            let mut chunk = Vec::with_capacity(CHUNK);
            self.file.seek(SeekFrom::Start(position))?;
            (&self.file).take(CHUNK as u64).read_to_end(&mut chunk)?;
            let written = match way {
                Way::Cache => Ok(()),
                Way::Disk => Uncached::open(&self.path).and_then(|mut disk| disk.write(position, &chunk)),
            };
            if way == Way::Cache || written.is_err() {
                // The write past the cache has dropped the chunk from the cache.
                self.file.seek(SeekFrom::Start(position))?;
                self.file.write_all(&chunk)?;
            }
            written?;
            position += CHUNK as u64;
        }
        self.file.sync_data()
    }
}

/// Whether the error says that a file system has no way past its cache.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

impl Readable {
    const NOTHING: Self = Self { frames: 0, bytes: 0 };

    /// Reads up to `limit` frames.
    fn read(mut wal: impl Read, limit: u64) -> io::Result<Self> {
        let mut header = [0; HEADER];
        if !fill(&mut wal, &mut header)? {
            return Ok(Self::NOTHING);
        }
        let page_size = number(&header, 8) as usize;
        let mut checksum = Checksum::new(number(&header, 0));
        checksum.add(&header[..24]);
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) || checksum.bytes() != header[24..] {
            return Ok(Self::NOTHING);
        }
        let mut frame = vec![0; FRAME_HEADER + page_size];
        let mut frames = 0;
        while frames < limit && fill(&mut wal, &mut frame)? {
            checksum.add(&frame[..8]);
            checksum.add(&frame[FRAME_HEADER..]);
            if frame[8..16] != header[16..24] || frame[16..24] != checksum.bytes() {
                break;
            }
            frames += 1;
        }
        Ok(Self { frames, bytes: HEADER as u64 + frames * frame.len() as u64 })
    }
}

/// Fills `room` from the file. `false` where the file ends before.
fn fill(file: &mut impl Read, room: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(room) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The checksum of all added bytes.
struct Checksum {
    word: fn([u8; 4]) -> u32,
    sums: (u32, u32),
}

impl Checksum {
    /// The first word of a WAL gives the byte order of the summed words.
    fn new(magic: u32) -> Self {
        Self { word: if magic & 1 == 1 { u32::from_be_bytes } else { u32::from_le_bytes }, sums: (0, 0) }
    }

    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.sums;
        for pair in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
            first = first.wrapping_add((self.word)(pair[0])).wrapping_add(second);
            second = second.wrapping_add((self.word)(pair[1])).wrapping_add(first);
        }
        self.sums = (first, second);
    }

    /// The checksum as the WAL holds it.
    fn bytes(&self) -> [u8; 8] {
        ((u64::from(self.sums.0) << 32) | u64::from(self.sums.1)).to_be_bytes()
    }
}

fn number(bytes: &[u8], position: usize) -> u32 {
    let bytes = bytes[position..].first_chunk().expect("the header is longer");
    u32::from_be_bytes(*bytes)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sqlite::SqliteConnection;

    use super::*;
    use crate::engine::sqlite::checkpoint::frames_of;

    /// A database whose WAL has some frames: its connection, the WAL's path, and SQLite's count of the frames.
    fn filled(folder: &Path) -> (SqliteConnection, PathBuf, u64) {
        let path = folder.join("test.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection
            .batch_execute(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x);
                 INSERT INTO t VALUES (randomblob(9000)); INSERT INTO t VALUES (randomblob(9000));",
            )
            .unwrap();
        let frames = frames_of(&mut connection).unwrap();
        (connection, folder.join("test.db-wal"), frames)
    }

    #[test]
    fn as_many_frames_are_read_as_sqlite_has_written() {
        let folder = tempfile::tempdir().unwrap();
        let (mut connection, path, frames) = filled(folder.path());
        let all = Readable::read(File::open(&path).unwrap(), u64::MAX).unwrap();

        // A restarted WAL still holds its former frames, behind its end.
        connection.batch_execute("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (1)").unwrap();
        let anew = Readable::read(File::open(&path).unwrap(), u64::MAX).unwrap();

        assert!(frames > 5, "{frames}");
        assert_eq!((all.frames, all.bytes), (frames, path.metadata().unwrap().len()));
        assert_eq!(anew.frames, frames_of(&mut connection).unwrap());
        assert!(anew.frames > 0 && anew.frames < frames, "{anew:?}");
    }

    #[test]
    fn a_frame_that_is_not_as_it_was_written_ends_what_a_recovery_reads() {
        let folder = tempfile::tempdir().unwrap();
        let (_connection, path, frames) = filled(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let size = (whole.len() - HEADER) / usize::try_from(frames).unwrap();

        for (position, left) in [(0, 0), (20, 0), (HEADER + 2 * size + 1, 2), (HEADER + 4 * size - 1, 3)] {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;

            let readable = Readable::read(&*damaged, u64::MAX).unwrap();

            assert_eq!(readable.frames, left, "byte {position}");
        }
    }

    #[test]
    fn what_is_written_again_is_what_was_there_and_nothing_is_where_frames_are_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (_connection, path, frames) = filled(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let mut wal = Wal::open(&path).unwrap();

        for way in [Way::Cache, Way::Disk] {
            wal.write_again(way, None, frames).unwrap();
            let written = std::fs::read(&path).unwrap();
            let lost = wal.write_again(way, None, frames + 1).unwrap_err();

            assert!(written[..whole.len()] == whole && written[whole.len()..].iter().all(|byte| *byte == 0));
            assert_eq!(wal.on_disk(u64::MAX).unwrap().unwrap().frames, frames);
            assert_eq!(lost.to_string(), LOST_FRAMES);
        }
    }
}
