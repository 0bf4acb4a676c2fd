//! Walks the workspace's own files.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the workspace.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Every file of the workspace with one of the `extensions`, relative to the root, sorted; build products and
/// hidden folders are left out.
///
/// # Errors
/// When a folder cannot be read.
pub fn files_with(extensions: &[&str]) -> std::io::Result<Vec<PathBuf>> {
    let root = workspace_root();
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with('.') || name == "target" || name == "node_modules" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if extensions.iter().any(|wanted| path.extension().is_some_and(|found| found == *wanted)) {
                found.push(path.strip_prefix(&root).unwrap_or(&path).to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file of the workspace, named relative to the root.
///
/// # Errors
/// When the file cannot be read as UTF-8.
pub fn read(relative: &Path) -> std::io::Result<String> {
    fs::read_to_string(workspace_root().join(relative))
}
