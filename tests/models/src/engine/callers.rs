//! Callers that commit, and wait until their commit is on the disk.

use std::io;
use std::sync::Arc;

use shuttle::sync::Mutex;
use shuttle::thread;

use super::sync_turns::SyncTurns;

/// A WAL, by the number of its frames.
#[derive(Default)]
struct Disk {
    written: usize,
    durable: usize,
    syncs: usize,
}

#[derive(Default)]
struct Wal {
    turns: SyncTurns,
    disk: Mutex<Disk>,
}

impl Wal {
    /// Writes a frame, and returns its number.
    fn commit(&self) -> usize {
        let mut disk = self.disk.lock().expect("nobody panics");
        disk.written += 1;
        disk.written
    }

    /// Makes durable the frames that were there when it began.
    fn sync(&self) -> io::Result<()> {
        let written = self.disk.lock().expect("nobody panics").written;
        let mut disk = self.disk.lock().expect("nobody panics");
        disk.durable = disk.durable.max(written);
        disk.syncs += 1;
        Ok(())
    }

    /// Fails as an fsync does: afterwards the frames count as written.
    fn fail(&self) -> io::Result<()> {
        drop(self.disk.lock().expect("nobody panics"));
        Err(io::Error::other("a disk"))
    }

    fn is_durable(&self, frame: usize) -> bool {
        self.disk.lock().expect("nobody panics").durable >= frame
    }
}

/// Some callers at once. Each is served when its own commit is durable, and no sync runs without a caller.
pub async fn shared(callers: usize) {
    let wal = Arc::new(Wal::default());
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let wal = Arc::clone(&wal);
            thread::spawn(move || {
                let frame = wal.commit();
                let turn = wal.turns.ask();
                wal.turns.serve(turn, || wal.sync()).expect("the disk is well");
                assert!(wal.is_durable(frame), "frame {frame} was acknowledged and is not on the disk");
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    assert!(wal.disk.lock().expect("nobody panics").syncs <= callers);
}

/// The first sync fails. No caller is served before the WAL is settled.
pub async fn failing(callers: usize) {
    let wal = Arc::new(Wal::default());
    let is_first = Arc::new(Mutex::new(true));
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let (wal, is_first) = (Arc::clone(&wal), Arc::clone(&is_first));
            thread::spawn(move || {
                wal.commit();
                let turn = wal.turns.ask();
                let sync = || {
                    let is_first = std::mem::replace(&mut *is_first.lock().expect("nobody panics"), false);
                    if is_first { wal.fail() } else { wal.sync() }
                };
                assert!(wal.turns.serve(turn, sync).is_err(), "a frame was acknowledged after a failed sync");
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    wal.turns.settled();
    let turn = wal.turns.ask();
    wal.turns.serve(turn, || wal.sync()).expect("the WAL is settled");
}
