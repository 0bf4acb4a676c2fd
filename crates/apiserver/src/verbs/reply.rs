//! What a verb answers, before it is written in the form that the client accepts.

use std::sync::Arc;

use pilothouse_machinery::Status;
use serde_json::Value;

use crate::store::StoredObject;
use crate::watch::WatchStream;

/// What a verb answers.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The HTTP status code.
    pub(crate) code: u16,
    pub(crate) content: Content,
    /// Texts of `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub(crate) enum Content {
    /// An object as it is stored.
    Stored(Arc<StoredObject>),
    /// An object of the request's kind that is not stored like this (a dry run).
    Value(Value),
    /// Something of another kind, answered as it is (a `Scale`).
    Other(Value),
    /// The objects of a list.
    Page(Page),
    /// A success or failure.
    Status(Box<Status>),
    /// Events, as they come.
    Watch(Box<WatchStream>),
}

/// The objects of a list, or of one page of it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) items: Vec<Arc<StoredObject>>,
    /// Where the next page begins, if there is one.
    pub(crate) continue_token: Option<String>,
    /// How many objects follow this page, where that is known.
    pub(crate) remaining: Option<usize>,
}

impl Reply {
    /// A reply without warnings.
    pub(crate) fn new(code: u16, content: Content) -> Self {
        Self { code, content, warnings: Vec::new() }
    }

    /// The same reply with warnings.
    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }
}
