//! Files that the command writes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::CommandError;

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), CommandError> {
    std::fs::create_dir_all(path).map_err(|source| CommandError::Write { path: path.into(), source })
}

/// Writes a file that only its owner can read: it holds a token.
///
/// It is written beside its final name and moved there, so that nobody reads half of it.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write { path: path.into(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folder(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

/// Moves an earlier database out of the way, to the name `previous`, replacing what is there; where it went to, if
/// there was one. A database that another process has open stays: opening it then says so.
pub(crate) fn set_aside(database: &Path, previous: &Path) -> Result<Option<PathBuf>, CommandError> {
    let beside = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let lock = std::fs::OpenOptions::new().write(true).open(beside(database, ".lock"));
    if !database.is_file() || lock.is_ok_and(|lock| lock.try_lock().is_err()) {
        return Ok(None);
    }
    for suffix in ["-wal", "-shm", ""] {
        let (from, to) = (beside(database, suffix), beside(previous, suffix));
        let moved = if from.exists() { std::fs::rename(&from, &to) } else { remove_if_there(&to) };
        moved.map_err(|source| CommandError::Write { path: to, source })?;
    }
    Ok(Some(previous.to_owned()))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_database_is_set_aside_with_its_log_unless_somebody_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (database, previous) = (file("logbook.sqlite"), file("previous.sqlite"));
        assert_eq!(set_aside(&database, &previous).unwrap(), None);
        for (name, text) in
            [("logbook.sqlite", "new"), ("logbook.sqlite-wal", "log"), ("logbook.sqlite.lock", "")]
        {
            std::fs::write(file(name), text).unwrap();
        }
        std::fs::write(file("previous.sqlite-shm"), "of an older one").unwrap();
        let holder = std::fs::File::open(file("logbook.sqlite.lock")).unwrap();
        holder.lock().unwrap();
        assert_eq!(set_aside(&database, &previous).unwrap(), None, "another process has it");
        holder.unlock().unwrap();
        assert_eq!(set_aside(&database, &previous).unwrap(), Some(previous.clone()));
        assert!(!database.exists() && !file("previous.sqlite-shm").exists());
        assert_eq!(std::fs::read_to_string(&previous).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(file("previous.sqlite-wal")).unwrap(), "log");
    }

    #[test]
    fn z3_a_file_with_a_token_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/kubeconfig");
        write_private(&path, "one").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
