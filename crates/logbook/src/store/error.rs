//! What can go wrong with the database.

/// Why the logbook's database could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database file could not be opened or created.
    #[error("cannot open the logbook database {path}")]
    Open {
        /// The file.
        path: String,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The lock file beside the database could not be taken.
    #[error("cannot lock the logbook database {path}: its folder must exist and be writable")]
    Lock {
        /// The database file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another logbook has the file open.
    #[error(
        "cannot open the logbook database {path}: another logbook uses it; stop that one, or choose another file"
    )]
    InUse {
        /// The database file.
        path: String,
    },
    /// The file is of a newer Pilothouse.
    #[error(
        "cannot use a logbook database of schema {found}: this program knows up to {known}, so use a newer one"
    )]
    NewerSchema {
        /// The file's schema number.
        found: i64,
        /// The newest schema number this program knows.
        known: i64,
    },
    /// A statement failed.
    #[error("cannot {action} in the logbook database")]
    Statement {
        /// What was being done, as `list jobs`.
        action: &'static str,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// A stored document could not be packed or unpacked.
    #[error("cannot {action} the document of a revision")]
    Document {
        /// `compress` or `decompress`.
        action: &'static str,
        /// What the codec said.
        source: std::io::Error,
    },
    /// A page cursor was not one that a list gave out.
    #[error("cannot read {0:?} as a page cursor")]
    Cursor(String),
    /// What a row holds could not be read back or written as JSON.
    #[error("cannot convert the facts of an object {direction} JSON")]
    Facts {
        /// `from` or `to`.
        direction: &'static str,
        /// What the codec said.
        source: serde_json::Error,
    },
}

impl StoreError {
    pub(super) fn open(path: &str, source: sqlx::Error) -> Self {
        Self::Open { path: path.to_owned(), source }
    }

    /// A stable CamelCase word for metric labels and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Open { .. } => "DatabaseOpenFailed",
            Self::Lock { .. } => "DatabaseLockFailed",
            Self::InUse { .. } => "DatabaseInUse",
            Self::NewerSchema { .. } => "DatabaseSchemaTooNew",
            Self::Statement { .. } => "DatabaseStatementFailed",
            Self::Document { .. } => "DocumentCodecFailed",
            Self::Cursor(_) => "InvalidCursor",
            Self::Facts { .. } => "FactsCodecFailed",
        }
    }
}

/// Names what was being done when a statement failed.
pub(crate) trait Doing<T> {
    fn doing(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Statement { action, source })
    }
}
