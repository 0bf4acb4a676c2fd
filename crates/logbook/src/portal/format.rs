//! Times, durations and sizes as people read them. The script formats durations the same way.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::Words;
use super::language::fill;

/// Two units at most: `3s`, `2m 05s`, `1h 02m`, `4d 07h`.
pub(crate) fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, ..) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// A duration that is over: below one second, where the objects' times end, it is not zero but unknown.
pub(crate) fn completed(length: SignedDuration) -> String {
    if length.as_secs() < 1 { "<1s".to_owned() } else { duration(length) }
}

/// How long ago, in one unit.
pub(crate) fn ago(words: &Words, since: SignedDuration) -> String {
    let seconds = since.as_secs().max(0);
    let [second, minute, hour, day] = words.units;
    let text = match seconds {
        0..2 => return words.just_now.to_owned(),
        2..60 => format!("{seconds}{second}"),
        60..3600 => format!("{}{minute}", seconds / 60),
        3600..86_400 => format!("{}{hour}", seconds / 3600),
        _ => format!("{}{day}", seconds / 86_400),
    };
    fill(words.ago, &[&text])
}

/// A `time` element that says how long ago `at` was, and goes on saying so.
pub(crate) fn relative(words: &Words, at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(iso(at)) data-ago=(at.as_millisecond()) title=(absolute(at)) {
            (ago(words, now.duration_since(at)))
        }
    }
}

/// A `time` element with the date only if it is another day than `now`, to the second.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Markup {
    let format = if date(at) == date(now) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    html! { time datetime=(iso(at)) title=(absolute(at)) { (print(at, format)) } }
}

/// A duration that ends now and goes on growing, or one that has ended.
pub(crate) fn elapsed(since: Timestamp, until: Option<Timestamp>, now: Timestamp) -> Markup {
    html! {
        @if let Some(until) = until { (completed(until.duration_since(since))) }
        @else { span data-since=(since.as_millisecond()) { (duration(now.duration_since(since))) } }
    }
}

/// `2026-11-21 05:51:04 UTC`.
pub(crate) fn absolute(at: Timestamp) -> String {
    print(at, "%Y-%m-%d %H:%M:%S UTC")
}

/// The time of day.
pub(crate) fn clock(at: Timestamp) -> String {
    print(at, "%H:%M:%S")
}

fn iso(at: Timestamp) -> String {
    print(at, "%Y-%m-%dT%H:%M:%SZ")
}

fn date(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn print(at: Timestamp, format: &str) -> String {
    at.strftime(format).to_string()
}

/// A size in bytes, in the largest unit that leaves at least one.
pub(crate) fn size(bytes: i64) -> String {
    match bytes {
        ..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{}.{} kB", bytes / 1024, bytes % 1024 * 10 / 1024),
        _ => format!("{}.{} MB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// The first `limit` characters, with an ellipsis if that is not all.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        let cases =
            [(0, "0s"), (59, "59s"), (65, "1m 05s"), (3725, "1h 02m"), (90_000, "1d 01h"), (-4, "0s")];
        for (seconds, text) in cases {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), text);
        }
        assert_eq!(completed(SignedDuration::from_millis(400)), "<1s");
        assert_eq!(completed(SignedDuration::from_millis(1400)), "1s");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(size(1536), "1.5 kB");
    }
}
