//! Page cursors of the job list.

use super::StoreError;

/// The last row of a page, by the list's order: newest first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) created_at: i64,
    pub(super) id: i64,
}

impl Cursor {
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let invalid = || StoreError::Cursor(text.to_owned());
        let (created_at, id) = text.split_once('.').ok_or_else(invalid)?;
        Ok(Self {
            created_at: created_at.parse().map_err(|_| invalid())?,
            id: id.parse().map_err(|_| invalid())?,
        })
    }

    pub(super) fn print(self) -> String {
        format!("{}.{}", self.created_at, self.id)
    }
}
