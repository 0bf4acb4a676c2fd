//! The Go program: built on demand, left out where there is no Go.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// Builds client-go's part and says where it is; nothing, and a message, where Go is missing.
pub(crate) fn build() -> Result<Option<PathBuf>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join("target").join("client-go");
    let build = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(folder.join("peers/client-go"))
        .status();
    match build {
        Ok(status) if status.success() => Ok(Some(program)),
        Ok(_) => Err("cannot build peers/client-go".into()),
        Err(error) => {
            eprintln!("no Go ({error}): leaving out client-go and protobuf");
            Ok(None)
        }
    }
}
