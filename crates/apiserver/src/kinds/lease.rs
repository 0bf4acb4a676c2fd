//! Leases.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::Value;

use super::causes;
use super::field::number;
use crate::kind::Strategy;
use crate::table;

pub(super) struct LeaseStrategy;

impl Strategy for LeaseStrategy {
    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        if let Some(seconds) = number(object, "/spec/leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
            found.push(causes::invalid(
                "spec.leaseDurationSeconds",
                &seconds.into(),
                "must be greater than 0",
            ));
        }
        if let Some(count) = number(object, "/spec/leaseTransitions").filter(|count| *count < 0) {
            let detail = "must be greater than or equal to 0";
            found.push(causes::invalid("spec.leaseTransitions", &count.into(), detail));
        }
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text("/spec/preferredHolder").is_some() && text("/spec/strategy").is_none() {
            found.push(causes::forbidden(
                "spec.preferredHolder",
                "may only be specified if `strategy` is defined",
            ));
        }
        found
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::core::lease(object, now)
    }
}
