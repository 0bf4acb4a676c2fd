//! A zone in a file.

use std::fmt::Write as _;
use std::io::{Error, ErrorKind};
use std::path::PathBuf;

use tokio::sync::Mutex;

use crate::{Change, Entry, Refusal, Zone, ZoneError, ZoneState};

/// A file of `NAME IN A ADDRESS ; NAMESPACE/NAME` lines (RFC 1035), for a name server to include.
///
/// **Guarantees.** A batch is one rewrite, and none if nothing changes. A reader sees the file before or after a
/// batch, never in between.
///
/// **Assumptions.** Nobody else writes the file.
#[derive(Debug)]
pub struct ZoneFile {
    path: PathBuf,
    /// Held while the file is rewritten.
    writing: Mutex<()>,
}

impl ZoneFile {
    /// The zone in a file, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writing: Mutex::default() }
    }

    async fn read(&self) -> Result<ZoneState, Error> {
        let text = match tokio::fs::read_to_string(&self.path).await {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut state = ZoneState::default();
        for line in text.lines() {
            let Some((name, entry)) = parse(line) else {
                return Err(Error::new(ErrorKind::InvalidData, format!("not a line of ours: {line}")));
            };
            state.entries.insert(name, entry);
        }
        Ok(state)
    }

    async fn write(&self, state: &ZoneState) -> Result<(), Error> {
        let mut text = String::new();
        for (name, Entry { owner, address }) in &state.entries {
            let _ = writeln!(text, "{name} IN A {address} ; {owner}");
        }
        let next = self.path.with_extension("next");
        tokio::fs::write(&next, text).await?;
        tokio::fs::rename(&next, &self.path).await
    }
}

fn parse(line: &str) -> Option<(String, Entry)> {
    let (record, owner) = line.split_once(" ; ")?;
    let (name, address) = record.split_once(" IN A ")?;
    Some((name.to_owned(), Entry { owner: owner.parse().ok()?, address: address.parse().ok()? }))
}

impl Zone for ZoneFile {
    async fn change(&self, changes: &[Change]) -> Result<Vec<Result<(), Refusal>>, ZoneError> {
        let _writing = self.writing.lock().await;
        let before = self.read().await.map_err(ZoneError)?;
        let mut state = before.clone();
        let outcomes = changes.iter().map(|change| state.apply(change)).collect();
        if state != before {
            self.write(&state).await.map_err(ZoneError)?;
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use pilothouse::ObjectKey;

    use super::*;

    fn change(owner: &str, name: Option<&str>) -> Change {
        let entry = name.map(|name| (name.to_owned(), "192.0.2.1".to_owned()));
        Change { owner: ObjectKey::new("default", owner), entry }
    }

    #[tokio::test]
    async fn a_batch_is_one_rewrite_of_what_another_process_goes_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        let changes = [change("a", Some("www")), change("b", Some("www")), change("c", Some("shop"))];
        let outcomes = ZoneFile::at(&path).change(&changes).await.unwrap();
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "shop IN A 192.0.2.1 ; default/c\nwww IN A 192.0.2.1 ; default/a\n");
        ZoneFile::at(&path).change(&[change("a", None), change("b", Some("www"))]).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "shop IN A 192.0.2.1 ; default/c\nwww IN A 192.0.2.1 ; default/b\n");
    }

    #[tokio::test]
    async fn a_file_that_somebody_else_wrote_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        std::fs::write(&path, "www IN AAAA ::1\n").unwrap();
        let error = ZoneFile::at(&path).change(&[change("a", Some("www"))]).await.unwrap_err();
        assert_eq!(error.0.kind(), ErrorKind::InvalidData);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "www IN AAAA ::1\n");
    }

    #[tokio::test]
    async fn a_batch_that_changes_nothing_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        let zone = ZoneFile::at(&path);
        zone.change(&[change("a", Some("www"))]).await.unwrap();
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        // A rewrite would go through this name.
        std::fs::create_dir(path.with_extension("next")).unwrap();
        zone.change(&[change("a", Some("www"))]).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
        assert!(zone.change(&[change("a", None)]).await.is_err());
    }
}
