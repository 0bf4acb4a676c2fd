//! The Go programs: built on demand, left out where there is no Go.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// Builds client-go's part and says where it is; nothing, and a message, where Go is missing.
pub(crate) fn build() -> Result<Option<PathBuf>, Failure> {
    build_peer("client-go", "client-go and protobuf")
}

/// Builds the part of the queues in Go.
pub(crate) fn build_queues() -> Result<Option<PathBuf>, Failure> {
    build_peer("workqueue", "the queues of client-go and controller-runtime")
}

/// Builds the part of controller-runtime's Controller.
pub(crate) fn build_controller() -> Result<Option<PathBuf>, Failure> {
    build_peer("controller", "controller-runtime's Controller")
}

fn build_peer(name: &str, what: &str) -> Result<Option<PathBuf>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join("target").join(name);
    let build = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(folder.join("peers").join(name))
        .status();
    match build {
        Ok(status) if status.success() => Ok(Some(program)),
        Ok(_) => Err(format!("cannot build peers/{name}").into()),
        Err(error) => {
            eprintln!("no Go ({error}): leaving out {what}");
            Ok(None)
        }
    }
}
