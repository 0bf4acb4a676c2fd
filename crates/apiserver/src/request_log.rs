//! The record of requests, for traces and tests.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the lower-case HTTP method
    /// for paths that name no resource. A `patch` or `update` that was answered with 201 also needed the right to
    /// `create`.
    pub verb: String,
    /// The API group; empty for the core group and for paths that name no resource.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The plural, as `deployments`; empty for paths that name no resource.
    pub resource: String,
    /// As `status`; empty without one.
    pub subresource: String,
    /// The namespace; empty at the cluster scope and across all namespaces. A Namespace is in itself.
    pub namespace: String,
    /// The name; for lists and watches that which a field selector asks for. Empty without one.
    pub name: String,
    /// The path, without the query.
    pub path: String,
    /// The query; empty if there was none.
    pub query: String,
    /// The `User-Agent` header; empty if there was none.
    pub user_agent: String,
    /// The name of the user who sent it; `system:anonymous` for one that was not let in.
    pub user: String,
    /// The name of the user who sent it in the name of `user`; empty where nobody did.
    pub impersonator: String,
    /// The HTTP status code of the answer; `None` while there is none.
    pub code: Option<u16>,
}

/// The latest requests, up to a number of them.
#[derive(Debug)]
pub(crate) struct RequestLog {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<RequestRecord>,
    /// The number of the first record.
    first: u64,
}

impl RequestLog {
    /// An empty log that remembers the latest `most` requests.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Notes a request; the number is for [`answered`](Self::answered).
    pub(crate) fn note(&self, record: RequestRecord) -> u64 {
        let mut state = self.state.lock();
        let number = state.first + state.records.len() as u64;
        state.records.push_back(record);
        if state.records.len() > self.most {
            state.records.pop_front();
            state.first += 1;
        }
        number
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_are_remembered_and_late_answers_find_their_request_or_nothing() {
        let log = RequestLog::new(2);
        let record = |path: &str| RequestRecord { path: path.into(), ..RequestRecord::default() };
        let numbers: Vec<_> = ["/a", "/b", "/c"].map(|path| log.note(record(path))).into();
        for (number, code) in numbers.into_iter().zip([201, 202, 203]) {
            log.answered(number, code);
        }
        let known: Vec<_> = log.records().into_iter().map(|record| (record.path, record.code)).collect();
        assert_eq!(known, [("/b".into(), Some(202)), ("/c".into(), Some(203))]);
        let none = RequestLog::new(0);
        none.answered(none.note(record("/a")), 200);
        assert_eq!(none.records(), []);
    }
}
