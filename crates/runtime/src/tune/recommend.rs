//! The knee of the curve.

use super::Tuning;
use super::report::{Recommendation, TuningStep};

/// More push-backs than this part of the calls that succeeded are too many.
const TOO_MANY: f64 = 0.01;

/// The fewest workers whose throughput is within the tolerance of the best, among the steps that are good: bounded p99,
/// hardly any push-back. Without a good one, the fewest.
pub(super) fn recommend(steps: &[TuningStep], tuning: &Tuning) -> Recommendation {
    let Some(first) = steps.first() else {
        return Recommendation { workers: 0, why: "nothing was measured".to_owned() };
    };
    let is_calm = |step: &TuningStep| float(step.push_backs) <= TOO_MANY * float(step.succeeded);
    let is_quick =
        |step: &TuningStep| tuning.longest_p99.is_none_or(|longest| step.p99 <= longest.as_secs_f64());
    let good: Vec<&TuningStep> =
        steps.iter().filter(|step| step.succeeded > 0 && is_calm(step) && is_quick(step)).collect();
    let best = good.iter().map(|step| step.per_second).fold(0.0, f64::max);
    let enough = best * (1.0 - tuning.tolerance.clamp(0.0, 1.0));
    let Some(knee) = good.iter().find(|step| step.per_second >= enough) else {
        let why = "no step is good: too slow, pushed back, or nothing succeeded".to_owned();
        return Recommendation { workers: first.workers, why };
    };
    let left_out = steps.len() - good.len();
    let mut why = format!("{:.1} of at most {best:.1} per second", knee.per_second);
    if left_out > 0 {
        let also = format!("; {left_out} steps were too slow or pushed back");
        why.push_str(&also);
    }
    Recommendation { workers: knee.workers, why }
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls, for a rate")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
