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
        "DeadlineExceeded" if job.started_at.is_none() => Some(words.fate_deadline_unstarted.to_owned()),
        "DeadlineExceeded" => Some(words.fate_deadline.to_owned()),
        "PodFailurePolicy" => Some(words.fate_policy.to_owned()),
        "FailedIndexes" | "MaxFailedIndexesExceeded" => Some(words.fate_indexes.to_owned()),
        "BackoffLimitExceeded" => exit().or_else(|| Some(words.cause_no_try.to_owned())),
        _ => exit(),
    };
    // A deadline or a policy ends the job whatever its tries are.
    let by_tries = matches!(reason, "BackoffLimitExceeded" | "");
    let mut sentence = if by_tries { tries(words, job) } else { words.fate_failed.to_owned() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Coverage;
    use crate::portal::language::Language;

    fn job(reason: &str, failed: i64, wanted: i64, exit_code: Option<i64>, has_run: bool) -> JobRow {
        let at = Timestamp::UNIX_EPOCH;
        JobRow {
            id: 1,
            cluster: String::new(),
            uid: String::new(),
            kind: String::new(),
            namespace: String::new(),
            name: String::new(),
            owner_kind: None,
            owner_name: None,
            submitter: None,
            channel: None,
            state: JobState::Failed,
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            message: None,
            attempt: 1,
            exit_code,
            resource_version: String::new(),
            parallelism: Some(1),
            completions: Some(wanted),
            active: 0,
            ready: 0,
            succeeded: 0,
            failed,
            created_at: at,
            started_at: has_run.then_some(at),
            ended_at: Some(at),
            state_since: at,
            deleted_at: None,
            coverage: Coverage::Full,
        }
    }

    #[test]
    fn a_failed_job_says_after_how_many_tries_and_why() {
        let limit = "BackoffLimitExceeded";
        let cases = [
            (
                job(limit, 2, 1, Some(3), true),
                "Failed after 2 attempts: the last container exited with code 3 (BackoffLimitExceeded).",
            ),
            (
                job(limit, 1, 1, Some(137), true),
                "Failed at the only attempt: the last container exited with code 137 because it was killed \
                 (SIGKILL) (BackoffLimitExceeded).",
            ),
            (
                job(limit, 4, 6, None, true),
                "Failed after 4 of its pods had failed: no further try is allowed (BackoffLimitExceeded).",
            ),
            (
                job("DeadlineExceeded", 1, 1, Some(143), true),
                "Failed: it was not done within its deadline (DeadlineExceeded).",
            ),
            (
                job("DeadlineExceeded", 1, 1, None, false),
                "Failed: no container had started when its deadline passed (DeadlineExceeded).",
            ),
            (job("", 0, 1, None, false), "Failed."),
        ];
        for (job, sentence) in cases {
            assert_eq!(fate(Language::English.words(), &job, &[], job.created_at), sentence);
        }
    }
}
