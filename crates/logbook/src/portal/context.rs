//! What a page knows about the request it answers: language, theme, time, and the token for its forms.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use http::header::{ACCEPT_LANGUAGE, COOKIE};
use http::request::Parts;
use http::{HeaderMap, Uri};
use jiff::Timestamp;

use super::language::Language;
use super::urls::address;
use super::{PortalState, Words};

/// Name of the cookie that remembers the theme.
pub(crate) const THEME_COOKIE: &str = "pilothouse_theme";
/// Name of the cookie that remembers the language.
pub(crate) const LANGUAGE_COOKIE: &str = "pilothouse_language";
/// Name of the cookie that forms are bound to.
pub(crate) const SESSION_COOKIE: &str = "pilothouse_session";

/// The value of the session cookie, present on every request that reaches a page.
#[derive(Clone, Debug)]
pub(crate) struct Session(pub(crate) String);

/// The circumstances of one request for a page.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) words: &'static Words,
    pub(crate) language: Language,
    /// `light` or `dark` if one was chosen; otherwise the browser's preference decides.
    pub(crate) theme: Option<&'static str>,
    pub(crate) now: Timestamp,
    /// For forms.
    pub(crate) token: String,
    pub(crate) cluster: String,
    pub(crate) is_writable: bool,
    /// Why the last action was refused, if this portal said so to this browser: an address made up by somebody else
    /// cannot put words here.
    pub(crate) problem: Option<String>,
    session: String,
    path: String,
    parameters: Vec<(String, String)>,
}

impl RequestContext {
    /// This page's address with one parameter set to another value.
    pub(crate) fn with_parameter(&self, name: &str, value: &str) -> String {
        let kept = self.parameters.iter().filter(|(other, _)| other != name);
        let mut parameters: Vec<_> = kept.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        parameters.push((name, value));
        address(&self.path, &parameters)
    }

    /// Whether a form's token is this session's.
    pub(crate) fn admits(&self, state: &PortalState, token: &str) -> bool {
        state.signer().verify(&self.session, token)
    }

    /// The proof that goes with a problem in an address; see [`problem`](Self::problem).
    pub(crate) fn proof(&self, state: &PortalState, problem: &str) -> String {
        state.signer().sign(&about(&self.session, problem))
    }

    /// The value of a query parameter; empty if it is missing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

impl FromRequestParts<PortalState> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Infallible> {
        let parameters = parameters(&parts.uri);
        let language = language(&parts.headers, &parameters);
        let session = parts.extensions.get::<Session>().map_or("", |session| &session.0);
        let (problem, proof) = (chosen(&parameters, "problem"), chosen(&parameters, "proof"));
        let is_ours =
            |problem: &&str| state.signer().verify(&about(session, problem), proof.unwrap_or_default());
        Ok(Self {
            problem: problem.filter(is_ours).map(str::to_owned),
            words: language.words(),
            language,
            theme: theme(&parts.headers, &parameters),
            now: state.environment().now(),
            token: state.signer().sign(session),
            cluster: state.options().cluster.clone(),
            is_writable: state.client().is_some(),
            session: session.to_owned(),
            path: parts.uri.path().to_owned(),
            parameters,
        })
    }
}

/// What the proof of a problem signs: never the same as a session alone, which a form's token signs.
fn about(session: &str, problem: &str) -> String {
    format!("{session}\n{problem}")
}

/// The query's parameters in order; none if it cannot be decoded.
pub(crate) fn parameters(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map(|Query(parameters)| parameters).unwrap_or_default()
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn chosen<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn language(headers: &HeaderMap, parameters: &[(String, String)]) -> Language {
    let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    chosen(parameters, "lang")
        .and_then(Language::from_tag)
        .or_else(|| cookie(headers, LANGUAGE_COOKIE).and_then(Language::from_tag))
        .or_else(|| accepted().and_then(Language::from_accept_language))
        .unwrap_or_default()
}

fn theme(headers: &HeaderMap, parameters: &[(String, String)]) -> Option<&'static str> {
    let known = |theme: &str| ["light", "dark"].into_iter().find(|known| *known == theme);
    chosen(parameters, "theme").and_then(known).or_else(|| cookie(headers, THEME_COOKIE).and_then(known))
}
