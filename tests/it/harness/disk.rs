use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::eventually;

/// What only the superuser may: whoever is not, and may not `sudo` without a password either, sees the test fail.
pub(crate) fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", program]);
    command
}

/// A file system of one test. It is unmounted when it is dropped.
pub(crate) struct Disk {
    medium: Medium,
    // What it is mounted on, and the medium where that is a file.
    folder: TempDir,
}

enum Medium {
    /// ext4 in a file, behind a loop device: a power cut can be simulated.
    Image,
    /// Memory.
    Memory,
}

impl Disk {
    /// An ext4 file system of so many MiB.
    pub(crate) fn ext4(mebibytes: u32) -> Self {
        let disk = Self { medium: Medium::Image, folder: tempfile::tempdir().unwrap() };
        let image = disk.image();
        std::fs::File::create(&image).and_then(|file| file.set_len(u64::from(mebibytes) << 20)).unwrap();
        run(as_root("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        std::fs::create_dir(disk.folder()).unwrap();
        disk.mount();
        disk.hand_over();
        disk
    }

    /// A file system in memory of so many MiB.
    pub(crate) fn tmpfs(mebibytes: u32) -> Self {
        let disk = Self { medium: Medium::Memory, folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.folder()).unwrap();
        mounted(as_root("mount").args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(disk.folder()));
        disk.hand_over();
        disk
    }

    /// Where it is mounted.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// What was not synced is lost from here on, as at a power cut: nothing is written or read any more.
    pub(crate) fn cut_power(&self) {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal is written.
        let shutdown = r#"open(my $disk, "<", $ARGV[0]) or die "$ARGV[0]: $!";
            ioctl($disk, 0x8004587D, my $flag = pack("L", 2)) or die "EXT4_IOC_SHUTDOWN: $!""#;
        run(as_root("perl").args(["-e", shutdown]).arg(self.folder()));
    }

    /// Mounts it again, which replays its journal. Nobody may have a file of it open.
    pub(crate) async fn restore_power(&self) {
        // A process that was killed closes its files a moment after its parent has heard of its death.
        eventually("the disk is free", || self.unmount().status.success()).await;
        self.mount();
    }

    /// Mounts it again for reading alone, or for writing too. Reading alone cannot be while a file is open for writing.
    pub(crate) fn remount(&self, mode: &str) -> Output {
        as_root("mount").args(["-o", &format!("remount,{mode}")]).arg(self.folder()).output().unwrap()
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) {
        mounted(as_root("mount").args(["-t", "ext4", "-o", "loop"]).args([self.image(), self.folder()]));
    }

    fn unmount(&self) -> Output {
        as_root("umount").arg(self.folder()).output().unwrap()
    }

    /// Whoever runs the tests may write to it.
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

/// Runs what must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn mounted(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "this test needs a disk of its own, and nothing can be mounted here: run it as root, or as a user who may \
         `sudo` without a password, on a machine that lets the superuser mount ext4 by a loop device, and tmpfs: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
