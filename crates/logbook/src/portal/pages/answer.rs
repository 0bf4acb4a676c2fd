//! From what a page's handler found to a response, troubles included.

use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;
use maud::{Markup, html};

use super::{Place, icon, shell};
use crate::portal::RequestContext;
use crate::store::StoreError;

/// What a page's handler returns.
pub(crate) type Answer = Result<Markup, Trouble>;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nothing is on record under that name.
    #[error("nothing is on record at this address")]
    NotFound,
    /// The form lacks the token of its page.
    #[error("the form does not carry this session's token")]
    Refused,
    /// The form is too large or no form.
    #[error("the form cannot be read")]
    Unreadable,
    /// The database failed.
    #[error("cannot read the logbook")]
    Store(#[from] StoreError),
}

/// The response for a page or a trouble.
pub(crate) fn answer(context: &RequestContext, answer: Answer) -> Response {
    let words = context.words;
    let (status, title, text) = match answer {
        Ok(page) => return Html(page.into_string()).into_response(),
        Err(Trouble::NotFound | Trouble::Store(StoreError::Cursor(_))) => {
            (StatusCode::NOT_FOUND, words.not_found, words.not_found_text)
        }
        Err(Trouble::Refused) => (StatusCode::FORBIDDEN, words.refused, words.refused_text),
        Err(Trouble::Unreadable) => (StatusCode::PAYLOAD_TOO_LARGE, words.refused, words.unreadable_text),
        Err(Trouble::Store(error)) => {
            tracing::error!(reason = error.reason(), error = &error as &dyn std::error::Error, "page failed");
            (StatusCode::INTERNAL_SERVER_ERROR, words.trouble, words.trouble_text)
        }
    };
    let content = html! {
        div.sheet { div.empty {
            (icon("lost"))
            h2 { (title) }
            p { (text) }
            a.button href="/" { (words.back) }
        } }
    };
    (status, Html(shell(context, title, Place::Elsewhere, None, &content).into_string())).into_response()
}
