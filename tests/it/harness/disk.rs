use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{Process, eventually};

/// A command that only the superuser may run. The test fails for a user who may not `sudo` without a password either.
pub(crate) fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let sudo = |program: &str| {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", program]);
        command
    };
    assert!(
        sudo("true").output().is_ok_and(|output| output.status.success()),
        "this test needs a disk of its own, which only the superuser can mount: run it as root (`sudo tests/run`), or as a \
         user who may `sudo` without a password"
    );
    sudo(program)
}

/// A file system of one test. It is unmounted when it is dropped.
pub(crate) struct Disk {
    // The folder that it is mounted in.
    folder: TempDir,
    medium: Medium,
}

enum Medium {
    /// Memory.
    Memory,
    /// ext4 in a file, behind a loop device: its power can be cut.
    Image(PathBuf),
    /// The same with the file in memory that can be taken away: then blocks that were never written to fail.
    Fragile(PathBuf, Box<Disk>),
}

impl Disk {
    /// An ext4 file system of so many MiB.
    pub(crate) fn ext4(mebibytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        format(&image, mebibytes);
        Self::mounted(folder, Medium::Image(image))
    }

    /// One for the data of a Postgres server, which has a thousand files.
    pub(crate) fn for_server() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        File::create(&image).and_then(|file| file.set_len(512 << 20)).unwrap();
        run(as_root("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        Self::mounted(folder, Medium::Image(image))
    }

    /// An ext4 file system that can be [broken](Self::break_down).
    pub(crate) fn fragile() -> Self {
        let memory = Self::tmpfs(24);
        let image = memory.folder().join("image");
        format(&image, 64);
        // The file system itself must stay whole, or it would refuse everything: its tables, and its journal.
        allocate(&image, 0, 1024);
        let journal = run(as_root("debugfs").args(["-R", "blocks <8>"]).arg(&image)).stdout;
        let journal = String::from_utf8(journal).unwrap();
        let blocks = || journal.split_whitespace().map(|block| block.parse::<u64>().unwrap());
        let (first, last) = (blocks().min().unwrap(), blocks().max().unwrap());
        allocate(&image, first, last + 1 - first);
        Self::mounted(tempfile::tempdir().unwrap(), Medium::Fragile(image, Box::new(memory)))
    }

    /// A file system in memory of so many MiB.
    pub(crate) fn tmpfs(mebibytes: u32) -> Self {
        let size = format!("size={mebibytes}m");
        let disk = Self { folder: tempfile::tempdir().unwrap(), medium: Medium::Memory };
        std::fs::create_dir(disk.folder()).unwrap();
        mount(as_root("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.folder()));
        disk.hand_over();
        disk
    }

    fn mounted(folder: TempDir, medium: Medium) -> Self {
        let disk = Self { folder, medium };
        std::fs::create_dir(disk.folder()).unwrap();
        disk.mount();
        disk.hand_over();
        disk
    }

    /// Where it is mounted.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Kills a host, and loses what was not synced, as at a power cut.
    ///
    /// No sync may be under way meanwhile. The kernel can report success to one that ends after this, since the journal
    /// that it waits for was given up. Hence the host is frozen first.
    pub(crate) async fn cut_power(&self, host: &mut Process) {
        host.freeze().await;
        self.lose_unsynced();
        host.kill();
    }

    /// Loses what was not synced. Nobody may be writing.
    pub(super) fn lose_unsynced(&self) {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal is written.
        let shutdown = r#"open(my $disk, "<", $ARGV[0]) or die "$ARGV[0]: $!";
            ioctl($disk, 0x8004587D, my $flag = pack("L", 2)) or die "EXT4_IOC_SHUTDOWN: $!""#;
        run(as_root("perl").args(["-e", shutdown]).arg(self.folder()));
    }

    /// Mounts it again, which replays its journal. Nobody may have a file of it open.
    pub(crate) async fn restore_power(&self) {
        // A process that was killed closes its files a moment after its parent has heard of its death.
        eventually("the disk is free", || self.unmount().status.success()).await;
        // A mount namespace that another test made meanwhile has it still: it would be mounted as it is, without power.
        let image = match &self.medium {
            Medium::Memory => panic!("what is in memory is gone without power"),
            Medium::Image(image) | Medium::Fragile(image, _) => image,
        };
        let is_attached = || !run(as_root("losetup").arg("--associated").arg(image)).stdout.is_empty();
        eventually("nobody has the disk mounted", || !is_attached()).await;
        self.mount();
    }

    /// Lets the kernel take it for damaged: it can only be read from here on.
    pub(crate) fn abort(&self) {
        run(as_root("mount").args(["-o", "remount,abort"]).arg(self.folder()));
    }

    /// Lets nobody write to it any more. Nobody may have a file of it open.
    pub(crate) async fn protect(&self) {
        // A process that another test has just begun holds what is open here until it is a program of its own.
        let protect = || as_root("mount").args(["-o", "remount,ro"]).arg(self.folder()).output().unwrap();
        eventually("nobody writes to the disk", || protect().status.success()).await;
    }

    /// Blocks that were never written to cannot be written to any more. As on any disk that fails, the kernel then
    /// takes them for written.
    pub(crate) fn break_down(&self) {
        let Medium::Fragile(_, memory) = &self.medium else { panic!("a disk that cannot break") };
        memory.fill();
    }

    /// It can be written to again.
    pub(crate) fn mend(&self) {
        let Medium::Fragile(_, memory) = &self.medium else { panic!("a disk that cannot break") };
        memory.free();
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        let (mut size, zeros) = (1 << 20, vec![0; 1 << 20]);
        while size > 0 {
            match ballast.write(&zeros[..size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => size /= 2,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Gives back what was taken.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.folder().join("ballast")
    }

    fn mount(&self) {
        match &self.medium {
            Medium::Memory => panic!("what is in memory is mounted once"),
            Medium::Image(image) | Medium::Fragile(image, _) => mount(ext4("loop").args([image, &self.folder()])),
        }
    }

    fn unmount(&self) -> Output {
        as_root("umount").arg(self.folder()).output().unwrap()
    }

    /// Lets a server that runs as somebody else write to it, and what is there stay there.
    pub(super) fn hand_over_to(&self, (user, group): (u32, u32)) {
        let owner = format!("{user}:{group}");
        run(as_root("chown").arg(&owner).args([self.folder.path(), &self.folder()]));
        run(as_root("sync").arg("--file-system").arg(self.folder()));
    }

    /// The user who runs the tests may write to it.
    fn hand_over(&self) {
        let user = rustix::process::geteuid().as_raw().to_string();
        run(as_root("chown").arg(user).arg(self.folder()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let is_mounted = || as_root("mountpoint").arg("--quiet").arg(self.folder()).status().is_ok_and(|s| s.success());
        if is_mounted() && !self.unmount().status.success() {
            // Somebody still has a file open: the rest happens when it is closed.
            let _ = as_root("umount").arg("--lazy").arg(self.folder()).output();
        }
    }
}

/// A file or a folder that is mounted in another place too, as a container has it. It is unmounted when it is dropped.
pub(crate) struct BindMount {
    place: PathBuf,
}

impl BindMount {
    pub(crate) fn new(original: &Path, place: &Path) -> Self {
        mount(as_root("mount").arg("--bind").args([original, place]));
        Self { place: place.to_owned() }
    }
}

impl Drop for BindMount {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("--lazy").arg(&self.place).output();
    }
}

/// Runs what must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn format(image: &Path, mebibytes: u32) {
    File::create(image).and_then(|file| file.set_len(u64::from(mebibytes) << 20)).unwrap();
    run(as_root("mkfs.ext4").args(["-q", "-F", "-b", "1024", "-N", "128", "-J", "size=1"]).arg(image));
}

/// Lets so many blocks of an image be there already.
fn allocate(image: &Path, first: u64, count: u64) {
    let (offset, length) = ((first * 1024).to_string(), (count * 1024).to_string());
    run(as_root("fallocate").args(["--offset", &offset, "--length", &length]).arg(image));
}

fn ext4(options: &str) -> Command {
    let mut command = as_root("mount");
    command.args(["-t", "ext4", "-o", options]);
    command
}

fn mount(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "this test needs a disk of its own, and the superuser cannot mount one here: run it on a machine or in a container \
         that allows tmpfs, and ext4 by a loop device: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
