//! The record of requests, for traces and tests.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// How many requests are remembered.
const REMEMBERED: usize = 100_000;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the lower-case HTTP method
    /// for paths that name no resource.
    pub verb: String,
    /// The path, without the query.
    pub path: String,
    /// The query; empty if there was none.
    pub query: String,
    /// The `User-Agent` header; empty if there was none.
    pub user_agent: String,
    /// The user whose token the request showed; `system:anonymous` without one.
    pub user: String,
    /// The HTTP status code of the answer; `None` while there is none.
    pub code: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<RequestRecord>,
    /// The number of the first record.
    first: u64,
}

impl RequestLog {
    /// Notes a request; the number is for [`answered`](Self::answered).
    pub(crate) fn note(&self, record: RequestRecord) -> u64 {
        let mut state = self.state.lock();
        state.records.push_back(record);
        if state.records.len() > REMEMBERED {
            state.records.pop_front();
            state.first += 1;
        }
        state.first + state.records.len() as u64 - 1
    }

    /// Notes the answer of a request that is still remembered.
    pub(crate) fn answered(&self, number: u64, code: u16) {
        let mut state = self.state.lock();
        let index = number.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        if let Some(record) = index.and_then(|index| state.records.get_mut(index)) {
            record.code = Some(code);
        }
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.state.lock().records.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state.lock();
        state.first += state.records.len() as u64;
        state.records.clear();
    }
}
