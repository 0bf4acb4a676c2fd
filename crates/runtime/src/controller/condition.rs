//! Conditions in a status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known whether it holds.
    Unknown,
}

impl ConditionStatus {
    /// The status as the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Adds or updates the condition called `kind`; whether anything changed.
///
/// The transition time moves only when the status does, as `meta.SetStatusCondition` of apimachinery has it.
/// `generation` is the generation of the object that was looked at. To be used inside
/// [`Context::update_status`](super::Context::update_status), with [`Context::now`](super::Context::now).
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: impl Into<ConditionStatus>,
    (reason, message): (&str, &str),
    generation: Option<i64>,
    now: Timestamp,
) -> bool {
    let status = status.into().as_str();
    let known = conditions.iter_mut().find(|condition| condition.type_ == kind);
    let since = match &known {
        Some(condition) if condition.status == status => condition.last_transition_time.clone(),
        _ => Time(now),
    };
    let next = Condition {
        type_: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation: generation,
        last_transition_time: since,
    };
    match known {
        Some(condition) if *condition == next => false,
        Some(condition) => {
            *condition = next;
            true
        }
        None => {
            conditions.push(next);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_with_the_status_only() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut conditions = Vec::new();
        assert!(set_condition(&mut conditions, "Ready", false, ("Waiting", "0 of 2"), Some(1), at(1)));
        assert!(set_condition(&mut conditions, "Ready", false, ("Waiting", "1 of 2"), Some(1), at(2)));
        assert!(!set_condition(&mut conditions, "Ready", false, ("Waiting", "1 of 2"), Some(1), at(3)));
        assert_eq!(conditions[0].last_transition_time, Time(at(1)));
        assert!(set_condition(&mut conditions, "Ready", true, ("Complete", "2 of 2"), Some(1), at(4)));
        assert_eq!((conditions.len(), &conditions[0].last_transition_time), (1, &Time(at(4))));
    }
}
