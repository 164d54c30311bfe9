use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::mounts::Mount;
use crate::engine::open_error::OpenError;

/// The longest chain of links to a file.
const MAX_LINKS: usize = 40;

/// Why a second name is no small matter: the message at launch, and later for a process whose file gets one.
pub(super) const SECOND_NAME: &str = "the SQLite file has a second name, a hard link: whoever opens it by that one has a \
     write-ahead log of his own, and both destroy it. Remove the other name, and let a backup copy by `VACUUM INTO` \
     instead of `cp -al`";

/// Makes the file of a new database, for its owner alone: it holds people's statements about themselves. SQLite gives
/// `-wal` and `-shm` the permissions of the file that they belong to.
///
/// # Errors
///
/// When the file cannot be made.
pub(super) fn make(url: &str) -> Result<(), OpenError> {
    let Some(path) = path_of(url) else { return Ok(()) };
    let path = followed(path);
    if path.is_dir() {
        return Err(OpenError::new("the SQLite file is a folder: set `url` to the path of a file in it"));
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(_) => Ok(()),
        // The file is not opened for a look: closing it would drop the locks that SQLite holds for this process.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(OpenError::because("the SQLite file cannot be opened: check its path and permissions", error))
        }
    }
}

/// Looks for anything that would take the WAL away from its file.
///
/// # Errors
///
/// The first such danger, with its remedy.
pub(super) fn inspect(path: &Path) -> Result<(), OpenError> {
    if has_second_name(path) {
        return Err(OpenError::new(SECOND_NAME));
    }
    let Some(mount) = Mount::containing(path) else { return Ok(()) };
    if mount.is_network() {
        let kind = mount.kind;
        return Err(OpenError::new(format!(
            "a SQLite file on the network file system `{kind}`, which does not lock and sync as WAL needs it: \
             put it on a local disk, or use Postgres"
        )));
    }
    if mount.is_at(path) {
        return Err(OpenError::new(
            "a SQLite file that is mounted by itself: its `-wal` would stay behind in the folder around it, with what was \
             acknowledged last. Mount the folder that the file is in (`-v ./data:/app/data`)",
        ));
    }
    Ok(())
}

#[cfg(unix)]
pub(super) fn has_second_name(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.nlink() > 1)
}

#[cfg(not(unix))]
pub(super) fn has_second_name(_: &Path) -> bool {
    false
}

/// The file that a URL names. `None` where SQLite keeps the database in memory, or in a file of its own choice.
pub(super) fn path_of(url: &str) -> Option<PathBuf> {
    let Some(rest) = url.strip_prefix("file:") else {
        return (!url.is_empty() && url != ":memory:").then(|| url.into());
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_elsewhere = |pair: &str| matches!(pair, "mode=memory" | "vfs=memdb");
    // The part before the path may only be the name of this machine.
    let path = match path.strip_prefix("//") {
        Some(rest) => &rest[rest.find('/')?..],
        None => path,
    };
    let path = decoded(path);
    (!path.is_empty() && path != ":memory:" && !query.split('&').any(is_elsewhere)).then(|| path.into())
}

/// The target of symbolic links, of which the last may lead to nothing. SQLite follows them too, and makes the WAL
/// there.
fn followed(mut path: PathBuf) -> PathBuf {
    for _ in 0..MAX_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// A percent sign and two hexadecimal digits stand for a byte.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(coded.unwrap_or(byte));
        rest = if coded.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_file_that_sqlite_opens() {
        let path = |url: &str| path_of(url).map(|path| path.to_str().unwrap().to_owned());

        for (url, named) in [
            ("hiring.db", Some("hiring.db")),
            ("what?%20.db", Some("what?%20.db")),
            ("file:hiring.db", Some("hiring.db")),
            ("file:a%20b%3f.db?cache=private#x", Some("a b?.db")),
            ("file:///srv/hiring.db?mode=rwc", Some("/srv/hiring.db")),
            ("file://localhost/srv/hiring.db", Some("/srv/hiring.db")),
            ("file:100%.db", Some("100%.db")),
            ("", None),
            (":memory:", None),
            ("file::memory:", None),
            ("file:x?mode=memory&cache=shared", None),
            ("file:/mojito-0?vfs=memdb", None),
        ] {
            assert_eq!(path(url).as_deref(), named, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_its_owners_also_at_the_end_of_links() {
        use std::os::unix::fs::{MetadataExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        symlink("second", path("first")).unwrap();
        symlink(path("hiring.db"), path("second")).unwrap();

        make(path("first").to_str().unwrap()).unwrap();
        make(path("first").to_str().unwrap()).unwrap();

        assert_eq!(path("hiring.db").symlink_metadata().unwrap().mode() & 0o7777, 0o600);
    }
}
