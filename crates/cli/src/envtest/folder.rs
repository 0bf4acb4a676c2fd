//! The folder that `KUBEBUILDER_ASSETS` names.

use std::path::Path;

use super::StandIn;
use crate::error::CommandError;
use crate::files::create_folder;

/// Makes both names in `folder` and says how to use it.
pub(crate) fn make(folder: &Path) -> Result<(), CommandError> {
    create_folder(folder)?;
    let folder =
        folder.canonicalize().map_err(|source| CommandError::Write { path: folder.into(), source })?;
    let own =
        std::env::current_exe().map_err(|source| CommandError::Write { path: folder.clone(), source })?;
    for stand_in in StandIn::ALL {
        let path = folder.join(stand_in.name()).with_extension(std::env::consts::EXE_EXTENSION);
        let failed = |source| CommandError::Write { path: path.clone(), source };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        link(&own, &path).map_err(failed)?;
    }
    println!("export KUBEBUILDER_ASSETS={}", crate::console::shell_word(&folder));
    Ok(())
}

#[cfg(unix)]
fn link(program: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(program, path)
}

#[cfg(not(unix))]
fn link(program: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::copy(program, path).map(|_| ())
}
