use std::path::{Path, PathBuf};

/// File systems whose disk is another machine's, as Linux calls them.
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

/// The network file system that a file is on. None where it is on another, or where the system does not tell.
pub(super) fn file_system_of(file: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_in(&mounts, &file.canonicalize().ok()?).filter(|kind| NETWORK.contains(&kind.as_str()))
}

/// The kind of the mount that a path is on: the deepest, and of two on one point the later.
fn kind_in(mounts: &str, path: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = PathBuf::from(unescaped(mount.split(' ').nth(4)?));
        path.starts_with(&point)
            .then(|| (point.components().count(), kind.split(' ').next().unwrap_or_default().to_owned()))
    };
    mounts.lines().filter_map(mount).max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
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
";

    #[test]
    fn a_file_is_on_the_deepest_and_latest_mount() {
        let kind = |path: &str| kind_in(MOUNTS, Path::new(path));

        assert_eq!(kind("/var/lib/hiring.db").as_deref(), Some("ext4"));
        assert_eq!(kind("/srv/hiring.db").as_deref(), Some("nfs4"));
        assert_eq!(kind("/srv/local disk/hiring.db").as_deref(), Some("xfs"));
        assert_eq!(kind("/srvother/hiring.db").as_deref(), Some("ext4"));
        assert_eq!(kind("/media/hiring.db").as_deref(), Some("fuse.sshfs"));
    }
}
