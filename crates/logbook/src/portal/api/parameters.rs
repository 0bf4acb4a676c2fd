//! Query parameters of the API.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Problem;
use crate::model::{JobState, StateGroup};
use crate::portal::context::parameters;

/// Rows per page when the request does not say.
const ROWS: u32 = 50;
/// Rows per page at most.
const MOST_ROWS: u32 = 500;

/// The query's parameters.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of a parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// `limit`: 1 to 500, 50 if missing.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let Some(limit) = self.get("limit") else { return Ok(ROWS) };
        let limit: u32 = limit.parse().map_err(|_| Problem::Parameter("limit"))?;
        if limit == 0 { Err(Problem::Parameter("limit")) } else { Ok(limit.min(MOST_ROWS)) }
    }

    /// `cursor` where it is an id: rows after it.
    pub(super) fn after(&self) -> Result<i64, Problem> {
        let Some(cursor) = self.get("cursor") else { return Ok(0) };
        cursor.parse().map_err(|_| Problem::Parameter("cursor"))
    }

    /// `state`: states (`Running`) and groups (`active`), separated by commas.
    pub(super) fn states(&self) -> Result<Vec<JobState>, Problem> {
        let mut states = Vec::new();
        for word in self.get("state").into_iter().flat_map(|words| words.split(',')) {
            if let Ok(state) = word.parse() {
                states.push(state);
            } else {
                let group: StateGroup = word.parse().map_err(|_| Problem::Parameter("state"))?;
                states.extend(group.states());
            }
        }
        Ok(states)
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parameters(&parts.uri)))
    }
}
