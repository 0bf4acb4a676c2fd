//! The table of strings: its columns. Braces `{}` stand for what the page fills in.

use crate::model::JobState;

/// Every string of the pages, in one language.
pub(crate) struct Words {
    /// Second word of the product's name, in the bar.
    pub(crate) brand: &'static str,
    /// The list page.
    pub(crate) jobs: &'static str,
    /// The form page and its button.
    pub(crate) submit: &'static str,
    /// Link that skips the bar.
    pub(crate) skip: &'static str,
    /// Title of the theme button.
    pub(crate) theme: &'static str,
    /// Title of the help.
    pub(crate) help: &'static str,
    /// Button that closes the help.
    pub(crate) close: &'static str,
    /// Help: `/`.
    pub(crate) key_search: &'static str,
    /// Help: `j` and `k`.
    pub(crate) key_move: &'static str,
    /// Help: `Enter`.
    pub(crate) key_open: &'static str,
    /// Help: `g`.
    pub(crate) key_jobs: &'static str,
    /// Badge: connected.
    pub(crate) live: &'static str,
    /// Badge: connection lost.
    pub(crate) reconnecting: &'static str,
    /// Badge: no connection (yet, or without JavaScript).
    pub(crate) static_page: &'static str,
    /// Button over rows that wait; {} is a number.
    pub(crate) newer: &'static str,
    /// A moment ago.
    pub(crate) just_now: &'static str,
    /// {} is a duration.
    pub(crate) ago: &'static str,
    /// Units of `ago`: seconds, minutes, hours, days.
    pub(crate) units: [&'static str; 4],
    /// Filter: any state.
    pub(crate) all: &'static str,
    /// Filter and figure.
    pub(crate) waiting: &'static str,
    /// Filter and figure.
    pub(crate) active: &'static str,
    /// Filter and figure.
    pub(crate) succeeded: &'static str,
    /// Filter and figure.
    pub(crate) failed: &'static str,
    /// Filter: cancelled or lost.
    pub(crate) stopped: &'static str,
    /// Figure.
    pub(crate) oldest_waiting: &'static str,
    /// Figure: note when no job waits.
    pub(crate) nothing_waits: &'static str,
    /// Figure: note.
    pub(crate) waiting_note: &'static str,
    /// Figure: note.
    pub(crate) active_note: &'static str,
    /// Figure: note; {} is a percentage.
    pub(crate) succeeded_note: &'static str,
    /// Figure: note; {} is a number.
    pub(crate) failed_note: &'static str,
    /// Choice of the namespace filter.
    pub(crate) all_namespaces: &'static str,
    /// Search field.
    pub(crate) search_placeholder: &'static str,
    /// Button of the filters, without JavaScript.
    pub(crate) apply: &'static str,
    /// Link that removes all filters.
    pub(crate) clear: &'static str,
    /// Column.
    pub(crate) state: &'static str,
    /// Column.
    pub(crate) name: &'static str,
    /// Column.
    pub(crate) namespace: &'static str,
    /// Column.
    pub(crate) kind: &'static str,
    /// Column.
    pub(crate) submitter: &'static str,
    /// Column.
    pub(crate) attempts: &'static str,
    /// Column.
    pub(crate) wait: &'static str,
    /// Column.
    pub(crate) run: &'static str,
    /// Column.
    pub(crate) reason: &'static str,
    /// Column.
    pub(crate) created: &'static str,
    /// Chip: {} is an exit code.
    pub(crate) exit_chip: &'static str,
    /// Title of a row that stays although it left the filter.
    pub(crate) departed: &'static str,
    /// Link to the next page.
    pub(crate) older: &'static str,
    /// Link to the first page.
    pub(crate) newest: &'static str,
    /// Empty list.
    pub(crate) empty_title: &'static str,
    /// Empty list.
    pub(crate) empty_text: &'static str,
    /// Empty list with filters.
    pub(crate) empty_filtered_title: &'static str,
    /// Empty list with filters.
    pub(crate) empty_filtered_text: &'static str,
    /// Empty page after the last.
    pub(crate) no_more_title: &'static str,
    /// Section: states over time.
    pub(crate) phases: &'static str,
    /// Section.
    pub(crate) timeline: &'static str,
    /// Section.
    pub(crate) transitions: &'static str,
    /// Section.
    pub(crate) pods: &'static str,
    /// Section.
    pub(crate) revisions: &'static str,
    /// Section.
    pub(crate) notifications: &'static str,
    /// Section.
    pub(crate) labels: &'static str,
    /// Empty section.
    pub(crate) no_pods: &'static str,
    /// Empty section.
    pub(crate) no_notifications: &'static str,
    /// Empty section.
    pub(crate) no_transitions: &'static str,
    /// Empty section.
    pub(crate) no_labels: &'static str,
    /// Column.
    pub(crate) since: &'static str,
    /// Column.
    pub(crate) lasted: &'static str,
    /// Column.
    pub(crate) version: &'static str,
    /// Column.
    pub(crate) provenance: &'static str,
    /// Column.
    pub(crate) node: &'static str,
    /// Column.
    pub(crate) exit_code: &'static str,
    /// Column.
    pub(crate) restarts: &'static str,
    /// Column.
    pub(crate) phase: &'static str,
    /// Column.
    pub(crate) object: &'static str,
    /// Column.
    pub(crate) event: &'static str,
    /// Column.
    pub(crate) seen: &'static str,
    /// Column.
    pub(crate) size: &'static str,
    /// Link to a document.
    pub(crate) document: &'static str,
    /// Link to a difference.
    pub(crate) difference: &'static str,
    /// Column.
    pub(crate) destination: &'static str,
    /// Column.
    pub(crate) delivery: &'static str,
    /// Column.
    pub(crate) tries: &'static str,
    /// Column.
    pub(crate) answer: &'static str,
    /// Fact.
    pub(crate) uid: &'static str,
    /// Fact.
    pub(crate) coverage: &'static str,
    /// Fact.
    pub(crate) ended: &'static str,
    /// Fact.
    pub(crate) deleted: &'static str,
    /// Fact.
    pub(crate) progress: &'static str,
    /// Fact; {} is a number of pods.
    pub(crate) pods_failed: &'static str,
    /// Timeline lane.
    pub(crate) lane_waiting: &'static str,
    /// Timeline lane.
    pub(crate) lane_starting: &'static str,
    /// Timeline lane.
    pub(crate) lane_running: &'static str,
    /// Timeline: gap; {} are times.
    pub(crate) not_observed: &'static str,
    /// Timeline: the current time.
    pub(crate) now: &'static str,
    /// Action.
    pub(crate) cancel: &'static str,
    /// Action on a job that ended.
    pub(crate) remove: &'static str,
    /// Action.
    pub(crate) suspend: &'static str,
    /// Action.
    pub(crate) resume: &'static str,
    /// Question before the action.
    pub(crate) confirm_cancel: &'static str,
    /// Question before the action.
    pub(crate) confirm_remove: &'static str,
    /// Alert; {} is the server's message.
    pub(crate) action_failed: &'static str,
    /// Page while the first version is not recorded yet.
    pub(crate) submitted_title: &'static str,
    /// Page while the first version is not recorded yet.
    pub(crate) submitted_text: &'static str,
    /// 404.
    pub(crate) not_found: &'static str,
    /// 404.
    pub(crate) not_found_text: &'static str,
    /// 403.
    pub(crate) refused: &'static str,
    /// 403.
    pub(crate) refused_text: &'static str,
    /// Text of the page for a form that cannot be read.
    pub(crate) unreadable_text: &'static str,
    /// 500.
    pub(crate) trouble: &'static str,
    /// 500.
    pub(crate) trouble_text: &'static str,
    /// Link to the list.
    pub(crate) back: &'static str,
    /// Page of one version; {} is a resource version.
    pub(crate) version_title: &'static str,
    /// Link.
    pub(crate) as_yaml: &'static str,
    /// Link.
    pub(crate) as_json: &'static str,
    /// Link.
    pub(crate) previous: &'static str,
    /// Link.
    pub(crate) next: &'static str,
    /// Difference page of the first version.
    pub(crate) first_version: &'static str,
    /// Page of a version without document.
    pub(crate) no_document: &'static str,
    /// Difference: fold; {} is a number.
    pub(crate) lines_left_out: &'static str,
    /// Note under a cut list; {} is a number.
    pub(crate) newer_versions: &'static str,
    /// Fate.
    pub(crate) fate_submitted: &'static str,
    /// Fate.
    pub(crate) fate_queued: &'static str,
    /// Fate.
    pub(crate) fate_pending: &'static str,
    /// Fate.
    pub(crate) fate_unschedulable: &'static str,
    /// Fate; {} failed pods.
    pub(crate) fate_backing_off: &'static str,
    /// Fate.
    pub(crate) fate_starting: &'static str,
    /// Fate.
    pub(crate) fate_image: &'static str,
    /// Fate.
    pub(crate) fate_configuration: &'static str,
    /// Fate.
    pub(crate) fate_crash_loop: &'static str,
    /// Fate; {} pods active, {} succeeded, {} wanted.
    pub(crate) fate_running: &'static str,
    /// Fate.
    pub(crate) fate_suspending: &'static str,
    /// Fate.
    pub(crate) fate_suspended: &'static str,
    /// Fate.
    pub(crate) fate_succeeding: &'static str,
    /// Fate; {} is a duration.
    pub(crate) fate_succeeded: &'static str,
    /// Fate, when no run was seen.
    pub(crate) fate_succeeded_plain: &'static str,
    /// Fate; put before the reason.
    pub(crate) fate_failing: &'static str,
    /// Fate, no reason known.
    pub(crate) fate_failed: &'static str,
    /// Failed, one pod of one wanted.
    pub(crate) fate_failed_once: &'static str,
    /// Failed; {} attempts of one wanted pod.
    pub(crate) fate_failed_attempts: &'static str,
    /// Failed; {} pods of several.
    pub(crate) fate_failed_pods: &'static str,
    /// Between a fate and its cause.
    pub(crate) because: &'static str,
    /// Cause: the last container's exit code.
    pub(crate) cause_exit: &'static str,
    /// Cause: the last container's exit code and its meaning.
    pub(crate) cause_exit_means: &'static str,
    /// Cause: no exit code is known.
    pub(crate) cause_no_try: &'static str,
    /// A sentence's end with the cluster's word for the cause.
    pub(crate) by_reason: &'static str,
    /// A sentence's end.
    pub(crate) full_stop: &'static str,
    /// Fate.
    pub(crate) fate_deadline: &'static str,
    /// Failed: cause: the deadline, before any container had started.
    pub(crate) fate_deadline_unstarted: &'static str,
    /// Fate.
    pub(crate) fate_policy: &'static str,
    /// Fate.
    pub(crate) fate_indexes: &'static str,
    /// Fate.
    pub(crate) fate_cancelling: &'static str,
    /// Fate.
    pub(crate) fate_cancelled: &'static str,
    /// Fate.
    pub(crate) fate_owner: &'static str,
    /// Fate.
    pub(crate) fate_lost: &'static str,
    /// Fate; {} is a code.
    pub(crate) exit_is: &'static str,
    /// Fate; {} is a code, {} its meaning.
    pub(crate) exit_means: &'static str,
    /// Meaning.
    pub(crate) exit_oom: &'static str,
    /// Meaning.
    pub(crate) exit_126: &'static str,
    /// Meaning.
    pub(crate) exit_127: &'static str,
    /// Meaning.
    pub(crate) exit_134: &'static str,
    /// Meaning.
    pub(crate) exit_137: &'static str,
    /// Meaning.
    pub(crate) exit_139: &'static str,
    /// Meaning.
    pub(crate) exit_143: &'static str,
    /// Coverage.
    pub(crate) coverage_full: &'static str,
    /// Coverage.
    pub(crate) coverage_left: &'static str,
    /// Coverage.
    pub(crate) coverage_gap: &'static str,
    /// Provenance.
    pub(crate) from_watch: &'static str,
    /// Provenance.
    pub(crate) from_resume: &'static str,
    /// Provenance.
    pub(crate) from_initial_list: &'static str,
    /// Provenance.
    pub(crate) from_list_after_gap: &'static str,
    /// Provenance.
    pub(crate) from_inferred_status: &'static str,
    /// Provenance.
    pub(crate) from_inferred_absence: &'static str,
    /// Event.
    pub(crate) event_added: &'static str,
    /// Event.
    pub(crate) event_modified: &'static str,
    /// Event.
    pub(crate) event_deleted: &'static str,
    /// Event.
    pub(crate) event_vanished: &'static str,
    /// Notification state.
    pub(crate) sent_pending: &'static str,
    /// Notification state.
    pub(crate) sent_sent: &'static str,
    /// Notification state.
    pub(crate) sent_dead: &'static str,
    /// The states, in the order of [`JobState::ALL`].
    pub(crate) states: [&'static str; 14],
    /// The form.
    pub(crate) form: FieldWords,
}

/// The strings of the form.
pub(crate) struct FieldWords {
    /// What the page is for.
    pub(crate) lead: &'static str,
    /// Button: dry run.
    pub(crate) check: &'static str,
    /// Note after a dry run.
    pub(crate) checked: &'static str,
    /// Alert; {} is the server's message.
    pub(crate) refused: &'static str,
    /// Alert; {} is the cause.
    pub(crate) unreachable: &'static str,
    /// Alert above field errors.
    pub(crate) look: &'static str,
    /// Label.
    pub(crate) name: &'static str,
    /// Hint.
    pub(crate) name_hint: &'static str,
    /// Label.
    pub(crate) namespace: &'static str,
    /// Label.
    pub(crate) image: &'static str,
    /// Label.
    pub(crate) command: &'static str,
    /// Hint.
    pub(crate) command_hint: &'static str,
    /// Label.
    pub(crate) parallelism: &'static str,
    /// Label.
    pub(crate) completions: &'static str,
    /// Label.
    pub(crate) backoff_limit: &'static str,
    /// Label.
    pub(crate) deadline: &'static str,
    /// Hint.
    pub(crate) deadline_hint: &'static str,
    /// Label of the check box.
    pub(crate) suspend: &'static str,
    /// Label.
    pub(crate) annotations: &'static str,
    /// Hint.
    pub(crate) annotations_hint: &'static str,
    /// Problem.
    pub(crate) required: &'static str,
    /// Problem.
    pub(crate) not_a_name: &'static str,
    /// Problem.
    pub(crate) blank_in_image: &'static str,
    /// Problem.
    pub(crate) open_quote: &'static str,
    /// Problem; {} and {} are bounds.
    pub(crate) not_a_number: &'static str,
    /// Problem; {} is a line number.
    pub(crate) not_an_annotation: &'static str,
    /// Problem.
    pub(crate) taken: &'static str,
    /// Problem.
    pub(crate) no_namespace: &'static str,
}

impl Words {
    /// The word for a state.
    pub(crate) fn of_state(&self, state: JobState) -> &'static str {
        let index = JobState::ALL.iter().position(|other| *other == state);
        index.and_then(|index| self.states.get(index)).copied().unwrap_or(state.as_str())
    }
}

/// `template` with each `{}` replaced by the next of `values`.
pub(crate) fn fill(template: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut values = values.iter();
    let mut parts = template.split("{}").peekable();
    while let Some(part) = parts.next() {
        filled.push_str(part);
        if parts.peek().is_some() {
            filled.push_str(values.next().copied().unwrap_or("{}"));
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_are_filled_in_order_and_never_looked_into() {
        assert_eq!(fill("{} of {}.", &["{}", "7"]), "{} of 7.");
        assert_eq!(fill("{} and {}", &["one"]), "one and {}");
    }
}
