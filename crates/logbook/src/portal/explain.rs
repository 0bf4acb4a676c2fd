//! A job's fate in one sentence.

use jiff::{SignedDuration, Timestamp};

use super::Words;
use super::format::duration;
use super::language::fill;
use crate::model::{JobRow, JobState, PodRow};

/// Says in plain words where the job is and why.
pub(crate) fn fate(words: &Words, job: &JobRow, pods: &[PodRow], now: Timestamp) -> String {
    let reason = job.reason.as_deref().unwrap_or_default();
    match job.state {
        JobState::Submitted => words.fate_submitted.to_owned(),
        JobState::Queued => words.fate_queued.to_owned(),
        JobState::Pending => pending(words, job, reason),
        JobState::Starting => starting(words, reason).to_owned(),
        JobState::Running if is_crash_loop(reason) => words.fate_crash_loop.to_owned(),
        JobState::Running => {
            let wanted = job.completions.or(job.parallelism).unwrap_or(1);
            let [active, succeeded, wanted] =
                [job.active, job.succeeded, wanted].map(|count| count.to_string());
            fill(words.fate_running, &[&active, &succeeded, &wanted])
        }
        JobState::Suspending => words.fate_suspending.to_owned(),
        JobState::Suspended => words.fate_suspended.to_owned(),
        JobState::Succeeding => words.fate_succeeding.to_owned(),
        JobState::Succeeded => match job.ran(now).filter(|ran| *ran > SignedDuration::ZERO) {
            Some(ran) => fill(words.fate_succeeded, &[&duration(ran)]),
            None => words.fate_succeeded_plain.to_owned(),
        },
        JobState::Failing => with_exit(words, words.fate_failing.to_owned(), job, pods),
        JobState::Failed => failed(words, job, pods),
        JobState::Cancelling => words.fate_cancelling.to_owned(),
        JobState::Cancelled if reason == "OwnerDeleted" => words.fate_owner.to_owned(),
        JobState::Cancelled => words.fate_cancelled.to_owned(),
        JobState::Lost => words.fate_lost.to_owned(),
    }
}

fn pending(words: &Words, job: &JobRow, reason: &str) -> String {
    match reason {
        "Unschedulable" => words.fate_unschedulable.to_owned(),
        "BackingOff" => fill(words.fate_backing_off, &[&job.failed.to_string()]),
        _ => words.fate_pending.to_owned(),
    }
}

fn starting(words: &Words, reason: &str) -> &'static str {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => words.fate_image,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            words.fate_configuration
        }
        reason if is_crash_loop(reason) => words.fate_crash_loop,
        _ => words.fate_starting,
    }
}

fn is_crash_loop(reason: &str) -> bool {
    reason == "CrashLoopBackOff"
}

/// After how many tries, why, and the cluster's own word for it.
fn failed(words: &Words, job: &JobRow, pods: &[PodRow]) -> String {
    let reason = job.reason.as_deref().unwrap_or_default();
    let exit = || cause_by_exit(words, job, pods);
    let cause = match reason {
        "DeadlineExceeded" => Some(words.fate_deadline.to_owned()),
        "PodFailurePolicy" => Some(words.fate_policy.to_owned()),
        "FailedIndexes" | "MaxFailedIndexesExceeded" => Some(words.fate_indexes.to_owned()),
        "BackoffLimitExceeded" => exit().or_else(|| Some(words.cause_no_try.to_owned())),
        _ => exit(),
    };
    let mut sentence = tries(words, job);
    if let Some(cause) = cause {
        sentence = format!("{sentence}{}{cause}", words.because);
    }
    let end = if reason.is_empty() { words.full_stop.to_owned() } else { fill(words.by_reason, &[reason]) };
    sentence + &end
}

/// A failed pod is an attempt where the job wants one; of several pods it is only one that failed.
fn tries(words: &Words, job: &JobRow) -> String {
    let wants_one = job.completions.unwrap_or(1) <= 1 && job.parallelism.unwrap_or(1) <= 1;
    let count = job.failed.to_string();
    match job.failed {
        ..=0 => words.fate_failed.to_owned(),
        1 if wants_one => words.fate_failed_once.to_owned(),
        _ if wants_one => fill(words.fate_failed_attempts, &[&count]),
        _ => fill(words.fate_failed_pods, &[&count]),
    }
}

fn cause_by_exit(words: &Words, job: &JobRow, pods: &[PodRow]) -> Option<String> {
    let (code, meaning) = exit(words, job, pods)?;
    Some(match meaning {
        Some(meaning) => fill(words.cause_exit_means, &[&code.to_string(), meaning]),
        None => fill(words.cause_exit, &[&code.to_string()]),
    })
}

/// The sentence, followed by what is known of the container's end.
fn with_exit(words: &Words, sentence: String, job: &JobRow, pods: &[PodRow]) -> String {
    let Some((code, meaning)) = exit(words, job, pods) else { return sentence };
    let exit = match meaning {
        Some(meaning) => fill(words.exit_means, &[&code.to_string(), meaning]),
        None => fill(words.exit_is, &[&code.to_string()]),
    };
    format!("{sentence} {exit}")
}

/// The exit code that tells the fate, and what it means.
fn exit(words: &Words, job: &JobRow, pods: &[PodRow]) -> Option<(i64, Option<&'static str>)> {
    let pods_code = || pods.iter().rev().find_map(|pod| pod.exit_code.filter(|code| *code != 0));
    let code = job.exit_code.filter(|code| *code != 0).or_else(pods_code)?;
    let by_memory = pods.iter().any(|pod| pod.reason.as_deref() == Some("OOMKilled"));
    Some((code, exit_meaning(words, code, by_memory)))
}

/// What an exit code means by convention. 137 alone does not mean memory: only the reason `OOMKilled` does.
pub(crate) fn exit_meaning(words: &Words, code: i64, by_memory: bool) -> Option<&'static str> {
    match code {
        137 if by_memory => Some(words.exit_oom),
        126 => Some(words.exit_126),
        127 => Some(words.exit_127),
        134 => Some(words.exit_134),
        137 => Some(words.exit_137),
        139 => Some(words.exit_139),
        143 => Some(words.exit_143),
        _ => None,
    }
}
