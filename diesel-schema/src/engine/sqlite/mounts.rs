use std::path::{Path, PathBuf};

/// The file systems whose disk is another machine's, by Linux's names.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "gfs2",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
    "smbfs",
];

/// The mount that a path is on, as Linux reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    point: PathBuf,
    /// The file system, by the kernel's name.
    pub kind: String,
}

impl Mount {
    /// `None` where the path does not exist, or where the system does not tell.
    pub fn containing(path: &Path) -> Option<Self> {
        // The device does not tell: a file that is mounted by itself has the device of the folder that it comes from.
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        Self::in_list(&mounts, &path.canonicalize().ok()?)
    }

    /// The deepest mount, and of two on one point the later.
    fn in_list(mounts: &str, path: &Path) -> Option<Self> {
        let mount = |line: &str| {
            let (mount, kind) = line.split_once(" - ")?;
            let point = PathBuf::from(unescaped(mount.split(' ').nth(4)?));
            let kind = kind.split(' ').next().unwrap_or_default().to_owned();
            path.starts_with(&point).then_some(Self { point, kind })
        };
        mounts.lines().filter_map(mount).max_by_key(|mount| mount.point.components().count())
    }

    /// Whether the disk is another machine's.
    pub fn is_network(&self) -> bool {
        NETWORK.contains(&self.kind.as_str())
    }

    /// Whether this path alone is mounted, without its neighbours.
    pub fn is_at(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| path == self.point)
    }
}

/// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /srv rw shared:2 - nfs4 server:/export rw,vers=4.2
31 30 0:26 / /srv/local\\040disk rw - xfs /dev/vdb rw
32 22 0:27 / /media rw - ext4 /dev/vdc rw
33 22 0:28 / /media rw master:7 - fuse.sshfs somebody@server: rw
34 22 254:0 /data/hiring\\134db /app/hiring\\134db rw,relatime shared:1 - ext4 /dev/vda rw
";

    #[test]
    fn a_file_is_on_the_deepest_and_latest_mount() {
        let kind = |path: &str| Mount::in_list(MOUNTS, Path::new(path)).map(|mount| mount.kind);

        assert_eq!(kind("/var/lib/hiring.db").as_deref(), Some("ext4"));
        assert_eq!(kind("/srv/hiring.db").as_deref(), Some("nfs4"));
        assert_eq!(kind("/srv/local disk/hiring.db").as_deref(), Some("xfs"));
        assert_eq!(kind("/srvother/hiring.db").as_deref(), Some("ext4"));
        assert_eq!(kind("/media/hiring.db").as_deref(), Some("fuse.sshfs"));
    }

    #[test]
    fn a_file_can_be_a_mount_point() {
        let point = |path: &str| Mount::in_list(MOUNTS, Path::new(path)).map(|mount| mount.point);

        assert_eq!(point(r"/app/hiring\db"), Some(PathBuf::from(r"/app/hiring\db")));
        assert_eq!(point("/app/hiring"), Some(PathBuf::from("/")));
    }
}
